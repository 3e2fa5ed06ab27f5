"""What a list declares, by which it is priced, against the most that it can have."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from graphql import GraphQLEnumType, GraphQLField, get_named_type

from schema import expiry_calendar, nodes
from schema.cost import declared_size, is_list
from service import operator_reviews
from service.access import ROLE_CEILINGS, SERVICES, Permission, QualificationType, Service
from service.identifiers import Kind, new_id
from service.operators import SmsTopic
from service.refusals import RULES, codes_of_article
from service.world import PRODUCTION
from tests.schema.counters import open_counter
from tests.schema.test_schema import fields

BOUNDS: Mapping[str, int] = {
    "Query.nodes": nodes.MOST_NODES,
    "Query.expiryCalendar": expiry_calendar.MOST_DAYS,
    "ExpiryDay.certificates": expiry_calendar.MOST_EXPIRIES // expiry_calendar.MOST_DAYS,
    "Participant.leaverReport": operator_reviews.MOST_FINDINGS,
    "Participant.qualifications": len(QualificationType),
    "Participant.services": len(Service),
    "Operator.smsSubscriptions": len(SmsTopic),
    "LeastPrivilegeReview.used": len(Permission),
    "Viewer.missingPermissions": len(Permission),
    "Platform.services": len(SERVICES),
    "Platform.permissions": len(Permission),
}
"""The lists of objects and texts whose resolver, or whose catalogue, ends them: they declare just that."""

FEWER: Mapping[str, int] = {
    "ServiceDescription.permissions": max(len(terms.permissions) for terms in SERVICES.values()),
    "Article.enforcedBy": max(len(codes_of_article(rule.article)) for rule in RULES.values() if rule.article),
    "Viewer.permissions": max(map(len, ROLE_CEILINGS.values())),
}
"""Lists of an enum's values of which not all can come together."""

USUAL: Mapping[str, str] = {
    **dict.fromkeys(("Agreement.chapters", "Chapter.articles", "Article.clauses"), "as the agreement is divided"),
    **dict.fromkeys(("Agreement.search", "Agreement.changesSince"), "one an article at most: the agreement has 29"),
    **dict.fromkeys(("ArticleMatch.spans", "ArticleChange.diff"), "within one article"),
    **dict.fromkeys(("Participant.acceptances", "Participant.consents"), "one a version of the agreement"),
    **dict.fromkeys(("Application.materials", "Application.reviews"), "of one application"),
    **{
        f"{parent}.{name}": "as many as an institution has"
        for parent in ("Participant", "RegisteredInformation")
        for name in ("clearingNumbers", "tradingUnits", "securitiesCodes", "contacts")
    },
    "Certificate.reminders": "one a tier, which the settings name",
    "InclusionProof.hashes": "the depth of the log: more than 32 from four thousand million records on",
    "Refusal.field": "the depth of an input",
}
"""Lists that nothing but their nature bounds: they declare how long they are as a rule."""


def declared() -> Iterator[tuple[str, GraphQLField, int]]:
    """Each list that declares a size. The refusals of mutations are alike, and left out."""
    for path, _, field in fields():
        size = declared_size(field) if is_list(field) else None
        if size is not None and not path.endswith("Payload.refusals"):
            yield path, field, size


def test_every_list_that_something_ends_declares_how_many_there_can_be() -> None:
    found = {path: size for path, _, size in declared()}
    assert {path: found.get(path) for path in BOUNDS} == BOUNDS


def test_a_list_of_an_enums_values_declares_no_fewer_than_can_come() -> None:
    short = {}
    for path, field, size in declared():
        named = get_named_type(field.type)
        if isinstance(named, GraphQLEnumType) and size < FEWER.get(path, len(named.values)):
            short[path] = size
    assert short == {}


def test_every_other_list_says_here_what_bounds_it() -> None:
    others = {path for path, field, _ in declared() if not isinstance(get_named_type(field.type), GraphQLEnumType)}
    assert others == BOUNDS.keys() | USUAL.keys()
    assert not BOUNDS.keys() & USUAL.keys()


@pytest.mark.wire
async def test_the_calendar_has_no_more_days_and_certificates_than_it_is_priced_for(wire_uri: str) -> None:
    query = "{ expiryCalendar(days: 398) { day certificates { id } } }"
    async with open_counter(wire_uri) as counter:
        issued, store = await counter.desk.issue(counter.administrator), counter.desk.certificate_store

        async def add(count: int, first: int, apart: timedelta) -> None:
            copies = [
                replace(
                    issued,
                    id=new_id(PRODUCTION, Kind.CERTIFICATE, counter.desk.clock.time),
                    fingerprint=f"{number:064x}",
                    serial_number=f"{number:032X}",
                    operator_id=new_id(PRODUCTION, Kind.OPERATOR, counter.desk.clock.time),
                    not_after=issued.not_before + timedelta(days=20) + number * apart,
                )
                for number in range(first, first + count)
            ]
            await store.insert_many(None, copies)

        await add(expiry_calendar.MOST_DAYS + 10, 1, timedelta(days=1))
        told = (await counter.data(query, "officer"))["expiryCalendar"]
        assert [len(each["certificates"]) for each in told] == [1] * expiry_calendar.MOST_DAYS
        await add(expiry_calendar.MOST_EXPIRIES, 1000, timedelta(0))
        told = (await counter.data(query, "officer"))["expiryCalendar"]
        assert sum(len(each["certificates"]) for each in told) == expiry_calendar.MOST_EXPIRIES
