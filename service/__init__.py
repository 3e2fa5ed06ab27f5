"""Records, rules, storage, certificates, evidence and access of PROP: no GraphQL, no sandbox."""
