"""Pure X.509: parsing, profiles, authority, chain and revocation. No I/O."""
