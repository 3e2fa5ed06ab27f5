"""What tenants' programs asked, what they were told, and why."""
