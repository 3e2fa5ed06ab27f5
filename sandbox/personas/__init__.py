"""The people who are always there, and what they log in with."""
