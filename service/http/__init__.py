"""The HTTP routes and middleware that are not GraphQL."""
