"""The console: the sandbox's web page at `/`. Static files of its own, no network beyond the service."""
