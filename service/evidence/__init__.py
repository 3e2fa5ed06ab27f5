"""Canonical bytes, Merkle tree, signed checkpoint and proofs. Pure."""
