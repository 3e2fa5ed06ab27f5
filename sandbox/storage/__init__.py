"""What the sandbox keeps beside the service's own collections: tenants, their clocks, jobs and snapshots."""
