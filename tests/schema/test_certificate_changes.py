"""`certificateChanged` over WebSocket: to whom, of what, and no more once its holder is out."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from service.access import Permission
from service.certificates import RevocationReason
from tests.databases import open_world
from tests.schema.hosting import open_hosted
from tests.schema.test_subscriptions import Scene, make_scene
from tests.service.institutions import OFFICER

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

CHANGES = """subscription ($filter: CertificateFilter) {
    it: certificateChanged(filter: $filter) { id state usable obstacles operator { operatorNumber } } }"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(wire_uri: str) -> AsyncIterator[Scene]:
    async with open_world(wire_uri) as world, open_hosted(wire_uri, world) as hosted:
        yield await make_scene(hosted)


async def test_a_change_is_told_as_it_leaves_the_certificate_and_only_to_its_own(scene: Scene) -> None:
    _, reader = await scene.person(Permission.CERTIFICATE_READ, Permission.OPERATOR_READ)
    _, clerk = await scene.person()
    async with (
        scene.hosted.subscribed(reader, CHANGES, filter={"operatorId": clerk.id}) as own,
        scene.hosted.subscribed(reader, CHANGES, filter={"state": "REVOKED"}) as revoked,
        scene.hosted.subscribed(scene.stranger, CHANGES) as others,
        scene.hosted.subscribed(scene.officer, CHANGES, filter={"participantId": scene.participant.id}) as all_of_it,
    ):
        certificates = scene.hosted.services.certificates
        await certificates.hold(OFFICER, clerk.certificate.id)
        await certificates.revoke(OFFICER, clerk.certificate.id, RevocationReason.CESSATION_OF_OPERATION)
        told = [(await own.next())["it"] for _ in range(2)]
        assert [each["state"] for each in told] == ["HELD", "REVOKED"]
        assert told[1]["obstacles"] == ["REVOKED"]
        assert told[0]["operator"]["operatorNumber"] == f"{scene.numbers}"
        assert (await revoked.next())["it"] == told[1]
        assert [(await all_of_it.next())["it"]["id"] for _ in range(2)] == [clerk.certificate.id] * 2
        assert await others.quiet(0.3)


async def test_it_takes_the_permission_to_read_certificates(scene: Scene) -> None:
    _, reader = await scene.person(Permission.OPERATOR_READ)
    async with scene.hosted.subscribed(reader, CHANGES) as subscribed:
        message = await subscribed.message()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")


async def test_it_ends_with_the_certificate_under_which_it_was_asked_for(scene: Scene) -> None:
    _, reader = await scene.person(Permission.CERTIFICATE_READ)
    async with scene.hosted.subscribed(reader, CHANGES, filter={"state": "SUPERSEDED"}) as subscribed:
        await scene.hosted.services.certificates.hold(OFFICER, reader.certificate.id)
        message = await subscribed.message(2)
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
