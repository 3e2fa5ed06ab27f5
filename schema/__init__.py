"""The GraphQL face of PROP: types, fields, limits, transport and the ASGI application."""
