"""A tenant with many certificates, stored past the services: what is tried is what time brings to them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import islice

from sandbox.bootstrap import Sandbox
from sandbox.tenants.joining import Joined
from service.clock import beginning_of, business_date
from service.reminders import AFTER
from service.storage.certificates import CERTIFICATES
from service.storage.database import Document
from service.storage.operators import OPERATORS

CHUNK = 250  # what even a small machine stores before the driver loses patience
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


async def give_certificates(sandbox: Sandbox, joined: Joined, ends: Iterable[datetime]) -> list[str]:
    """An operator with a LOGIN certificate for each end, made after those of joining; the certificates' ids."""
    certificates, operators = sandbox.database.collection(CERTIFICATES), sandbox.database.collection(OPERATORS)
    pattern = await certificates.find_one({"participantId": joined.tenant.id, "profile": "LOGIN"})
    holder = await operators.find_one({"_id": pattern["operatorId"]})
    pairs = [_pair(pattern, holder, number, end) for number, end in enumerate(ends)]
    waiting = iter(pairs)
    while chunk := list(islice(waiting, CHUNK)):
        await operators.insert_many([operator for operator, _ in chunk])
        await certificates.insert_many([certificate for _, certificate in chunk])
    return [certificate["_id"] for _, certificate in pairs]


def _pair(pattern: Document, holder: Document, number: int, end: datetime) -> tuple[Document, Document]:
    operator_id = f"{holder['_id'][:-5]}{number:05}"
    serial = f"{pattern['serialNumber'][:-5]}{number:05}"
    operator = holder | {"_id": operator_id, "operatorNumber": f"{200_000 + number}", "role": "OPERATOR"}
    certificate = pattern | {
        "_id": f"{pattern['_id'][:-5]}{number:05}",
        "operatorId": operator_id,
        "seat": f"{operator_id}/LOGIN",
        "serialNumber": serial,
        "issuedAs": f"{pattern['issuer']}/{serial}",
        "fingerprint": f"{number:05}{pattern['fingerprint'][5:]}",
        "notBefore": end - timedelta(days=365),
        "notAfter": end,
    }
    return operator, certificate


def expected_days(end: datetime, start: datetime, until: datetime, tiers: Sequence[int]) -> dict[int, date]:
    """A plain model: looked at now and at the end of each day in Shanghai, which tier is new, and on which day."""
    found: dict[int, date] = {}
    at = start
    while True:
        tier = AFTER if at > end else min((each for each in tiers if each >= (end - at) // DAY), default=None)
        if tier is not None:
            found.setdefault(tier, business_date(at))
        if at >= until:
            return found
        at = min(until, beginning_of(business_date(at + SECOND) + DAY) - SECOND)
