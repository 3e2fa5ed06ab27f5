"""Taking reports of conformance, and asking for one before an institution is opened (art. 17).

Only where the sandbox's keys are pinned is a report asked for. No network is used, and nothing of the sandbox but what
it signed.
"""

import hashlib

from joserfc.jwk import KeySet

from service.access import Caller
from service.acts import Act, Acts, Done
from service.certificate_keys import BlockReason
from service.conformance import ConformanceCheck, ensure_passing, ensure_standing
from service.conformance_reports import ConformanceReport, verify_report
from service.identifiers import Kind
from service.participants import Participant
from service.policy import Action
from service.refusals import Findings, RefusalCode, refuse
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.conformance import CONFORMANCE_CODEC, ConformanceStore
from service.world import World


class ConformanceService:
    def __init__(
        self,
        world: World,
        acts: Acts,
        *,
        checks: ConformanceStore,
        keys: CertificateKeyStore,
        pinned: KeySet | None,
    ) -> None:
        self._world = world
        self._acts = acts
        self._checks = checks
        self._keys = keys
        self._pinned = pinned

    async def check(self, caller: Caller, signed: str, *, key: str | None = None) -> Done[ConformanceCheck]:
        """Take a report.

        1. A pinned key of the sandbox signed it, and it carries the sandbox's marks.
        2. Every case passed, and it is not older than its ninety days.
        3. No key that it names is certified here; from now on none will be.

        Given again, there is nothing left to do. Raises Malformed, NotVerified, Refused.
        """
        await self._acts.permit(caller, Action.CHECK_CONFORMANCE)
        if self._pinned is None:
            raise refuse(RefusalCode.CONFORMANCE_NOT_PINNED)
        report = verify_report(signed, self._pinned, self._world.neighbour.environment)  # 1
        report_hash = hashlib.sha256(signed.strip().encode()).hexdigest()

        async def work(act: Act) -> Done[ConformanceCheck]:
            ensure_passing(report, act.at)  # 2
            known = await self._checks.find_by_report(report_hash, act.session)
            if known is not None:
                return Done(known, None)
            await self._ban_keys(act, report)  # 3
            check = await self._checks.insert(act.session, _taken(act, report, report_hash))
            content = {
                "code": check.participant_code,
                "uscc": check.uscc,
                "run": check.run,
                "suite": check.suite,
                "report": check.report_hash,
                "validUntil": check.valid_until,
                "keys": len(check.keys),
            }
            return Done(check, await act.record("conformance.checked", check.id, None, content))

        asked = {"report": report_hash}
        return await self._acts.perform(caller, Action.CHECK_CONFORMANCE, CONFORMANCE_CODEC, work, given=asked, key=key)

    async def ensure_checked(self, act: Act, participant: Participant) -> ConformanceCheck | None:
        """The check that the opening of this participant stands on; None where none is asked for.

        Raises Refused where there is none, or none that is still good.
        """
        if self._pinned is None:
            return None
        found = await self._checks.find_latest(participant.participant_code, participant.uscc, act.session)
        return ensure_standing(found, act.at)

    async def _ban_keys(self, act: Act, report: ConformanceReport) -> None:
        """Raises Refused for keys that somebody holds here: they have been in both worlds."""
        findings = Findings()
        for spki in report.keys:
            known = await self._keys.find(spki, act.session)
            if known is not None and known.holder_id is not None:
                findings.add(RefusalCode.CONFORMANCE_KEY_SEEN, "report", key=spki)
            else:
                await self._keys.block(act.session, spki, BlockReason.OF_THE_OTHER_WORLD, act.at)
        findings.raise_any()


def _taken(act: Act, report: ConformanceReport, report_hash: str) -> ConformanceCheck:
    return ConformanceCheck(
        id=act.new_id(Kind.CONFORMANCE),
        version=1,
        participant_code=report.participant_code,
        uscc=report.uscc,
        legal_name=report.legal_name,
        run=report.run,
        suite=report.suite,
        report_hash=report_hash,
        ended_at=report.ended_at,
        valid_until=report.valid_until,
        keys=report.keys,
        checked_at=act.at,
        checked_by=act.caller.id or act.caller.kind.value,
    )
