"""Proposals in MongoDB: found by id, by subject, and by participant."""

from service.proposals import Proposal
from service.storage.database import Database, Index
from service.storage.documents import Codec, Versioned, declare

PROPOSAL_CODEC = Codec(Proposal)

PROPOSALS = declare(
    "proposals",
    PROPOSAL_CODEC,
    Index((("participantId", 1), ("status", 1), ("_id", 1))),
    Index((("subjectId", 1), ("status", 1), ("_id", 1))),
    Index((("status", 1), ("_id", 1))),
    Index((("participantId", 1), ("_id", 1))),
    Index((("subjectId", 1), ("_id", 1))),
)


class ProposalStore(Versioned[Proposal]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, PROPOSALS, PROPOSAL_CODEC)
