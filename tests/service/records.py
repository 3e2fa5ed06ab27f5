"""Records for tests: keys made once, callers of two participants, a service over a given database."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.access import Caller, CallerKind, OperatorRole, Permission, RegistrarRole
from service.keys import SigningKeys, load_keys
from service.log import LogService
from service.pagination import BY_ID, LATEST_FIRST, PageRequest
from service.records import Record, RecordFilter, RecordService
from service.storage.database import Database, Session
from service.storage.log import LogStore
from service.storage.records import RecordStore

PARTICIPANT = "live-par-01K9ZZZZZZZZZZZZZZZZZZZZZA"
OTHER_PARTICIPANT = "live-par-01K9ZZZZZZZZZZZZZZZZZZZZZB"


def _reader(number: str, participant: str, certificate: str) -> Caller:
    role, permissions = OperatorRole.AUDITOR, frozenset({Permission.RECORD_READ})
    return Caller(CallerKind.OPERATOR, number, participant, role, certificate, permissions)


OPERATOR = _reader("live-op-01K9ZZZZZZZZZZZZZZZZZZZZZA", PARTICIPANT, "ab" * 32)
STRANGER = _reader("live-op-01K9ZZZZZZZZZZZZZZZZZZZZZB", OTHER_PARTICIPANT, "cd" * 32)
REGISTRAR = Caller(
    CallerKind.REGISTRAR, "live-reg-01K9ZZZZZZZZZZZZZZZZZZZZZA", role=RegistrarRole.AUDITOR, certificate="ef" * 32
)


def _pem(key: object) -> str:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]  # either kind of key
    return pem.decode()


def make_keys() -> SigningKeys:
    return load_keys(_pem(generate_private_key(SECP256R1())), _pem(Ed25519PrivateKey.generate()))


KEYS = make_keys()


class SteppingClock:
    """A clock that moves one second at each look."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 8, tzinfo=UTC)) -> None:
        self.time = start

    def now(self, tenant: str | None = None) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


def make_service(database: Database, clock: SteppingClock | None = None) -> RecordService:
    log = LogService(LogStore(database))
    return RecordService(database.world, clock or SteppingClock(), KEYS, RecordStore(database), log)


async def write_record(  # noqa: PLR0917 - as RecordService.write
    database: Database,
    service: RecordService,
    caller: Caller = OPERATOR,
    kind: str = "operator.offboarded",
    subject: str | None = "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZC",
    participant: str | None = PARTICIPANT,
    number: int = 0,
) -> Record:
    async def work(session: Session) -> Record:
        return await service.write(caller, session, kind, subject, participant, {"number": number})

    return await database.transaction(work)


async def list_records(
    service: RecordService, caller: Caller, wanted: RecordFilter | None = None, *, latest_first: bool = False
) -> list[Record]:
    """The first hundred records that the caller may see."""
    request = PageRequest(LATEST_FIRST if latest_first else BY_ID, 100)
    return list((await service.page(caller, wanted or RecordFilter(), request)).items)
