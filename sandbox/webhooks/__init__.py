"""Events of tenants, and the webhooks that carry them out."""
