"""A lost electronic key: every certificate on it is held at once, and custody knows that it is lost (art. 13)."""

from service.acts import Act
from service.certificate_changes import reported_lost
from service.certificates import Certificate
from service.electronic_keys import ELECTRONIC_KEY_TRANSITIONS, ElectronicKey, ElectronicKeyCommand, moved_on
from service.storage.certificates import CertificateStore
from service.storage.electronic_keys import ElectronicKeyStore


async def hold_all_on(act: Act, certificates: CertificateStore, electronic_key: ElectronicKey) -> list[Certificate]:
    """Hold what stands on that key of its participant's; answers what did not know of the loss yet."""
    standing = await certificates.standing_on(electronic_key.id, electronic_key.participant_id, act.session)
    unaware = [each for each in standing if each.loss_reported_at is None]
    return [await certificates.replace(act.session, reported_lost(each, act.at)) for each in unaware]


async def lose(
    act: Act, electronic_keys: ElectronicKeyStore, certificates: CertificateStore, on_it: Certificate
) -> list[Certificate]:
    """Let custody know, where it does not yet, and hold what else is on the key of this certificate.

    Of a key that another participant has, nothing is said: who reports has no say over it.
    """
    found = await electronic_keys.find(on_it.electronic_key_id, act.session) if on_it.electronic_key_id else None
    if found is None or found.participant_id != on_it.participant_id:
        return []
    if (found.status, ElectronicKeyCommand.LOSE) in ELECTRONIC_KEY_TRANSITIONS:
        lost = await electronic_keys.replace(act.session, moved_on(found, ElectronicKeyCommand.LOSE, act.at))
        await act.record("electronic_key.lost", lost.id, lost.participant_id, {"serial": lost.serial})
    return await hold_all_on(act, certificates, found)
