"""Outcomes on demand: scenarios of one request, faults of a tenant."""
