"""The sandbox's own GraphQL schema at /sandbox/graphql: join, and rule one's own corner.

Beside the public schema, never inside it: what is here has no counterpart in production.
"""
