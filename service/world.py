"""A world is data, not a branch: what differs between production and sandbox is what is passed in (art. 17)."""

from dataclasses import dataclass
from enum import StrEnum


class Environment(StrEnum):
    PRODUCTION = "PRODUCTION"
    SANDBOX = "SANDBOX"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The other world, as far as it must be known to be refused by name."""

    environment: Environment
    id_prefix: str
    variables: str
    database: str
    policy_oid: str


@dataclass(frozen=True, slots=True)
class World:
    """One of the two worlds: its name, its marks, its names for things. The other is known as a `Neighbour` only."""

    environment: Environment
    binding: bool
    notice: str | None
    id_prefix: str
    variables: str
    database: str
    organization: str
    policy_oid: str
    log_origin: str
    neighbour: Neighbour

    @property
    def name(self) -> str:
        """The lower-case name, for stamps, URNs and log lines."""
        return self.environment.value.lower()

    @property
    def evidence_database(self) -> str:
        return f"{self.database}_evidence"


# The OID arc is RFC 5612's, for documentation; a depository replaces it with its own before its first ceremony.
PRODUCTION = World(
    environment=Environment.PRODUCTION,
    binding=True,
    notice=None,
    id_prefix="live",
    variables="PROP_",
    database="prop",
    organization="PROP",
    policy_oid="1.3.6.1.4.1.32473.29.1",
    log_origin="prop.live/evidence",
    neighbour=Neighbour(
        environment=Environment.SANDBOX,
        id_prefix="sbx",
        variables="SANDBOX_",
        database="prop_sandbox",
        policy_oid="1.3.6.1.4.1.32473.29.2",
    ),
)
