"""The conformance suite: cases as data, steps that the suite itself takes, and verdicts from what the server saw."""
