"""The acts on registrars: the depository's staff is added and ended on its own machine, no other way (art. 5, 12)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service import institution_numbers as numbers
from service.access import Caller, CallerKind, RegistrarRole
from service.acts import Act, Acts, Done
from service.endings import ended_with_it
from service.identifiers import Kind
from service.policy import Action
from service.refusals import Findings, RefusalCode, refuse
from service.registrars import Registrar, RegistrarStatus, ended, is_active_officer
from service.storage.certificates import CertificateStore
from service.storage.registrars import REGISTRAR_CODEC, RegistrarStore

_NUMBER = re.compile(r"[0-9A-Z]{2,32}")  # what the URN in a registrar's certificate can carry


@dataclass(frozen=True, slots=True)
class RegistrarInput:
    """A member of the staff. `number` is how certificates name it, and is never used again."""

    number: str
    name: str
    role: RegistrarRole

    def __repr__(self) -> str:
        return f"RegistrarInput({self.number})"  # personal data stays out of logs


class RegistrarService:
    def __init__(self, acts: Acts, *, registrars: RegistrarStore, certificates: CertificateStore) -> None:
        self._acts = acts
        self._registrars = registrars
        self._certificates = certificates

    async def find_self(self, caller: Caller) -> Registrar | None:
        """The registrar who calls. To look at oneself takes no permission."""
        return await self._registrars.find(caller.id) if caller.kind is CallerKind.REGISTRAR and caller.id else None

    async def find_by_number(self, caller: Caller, number: str) -> Registrar | None:
        await self._acts.permit(caller, Action.READ_REGISTRAR)
        return await self._registrars.find_by_number(number)

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Registrar | None]:
        """In the order of `ids`; None where there is none."""
        await self._acts.permit(caller, Action.READ_REGISTRAR)
        return await self._registrars.get_many(ids)

    async def add(self, caller: Caller, given: RegistrarInput, *, key: str | None = None) -> Done[Registrar]:
        """A new registrar. Raises Refused with every fault of the input, or for a number that was used before."""

        async def work(act: Act) -> Done[Registrar]:
            registrar = _parse(act, given)
            if await self._registrars.find_by_number(registrar.number, act.session):
                raise refuse(RefusalCode.REGISTRAR_NUMBER_TAKEN, "number", found=registrar.number)
            await self._registrars.insert(act.session, registrar)
            content = {"number": registrar.number, "role": registrar.role}
            return Done(registrar, await act.record("registrar.added", registrar.id, None, content))

        asked = {"number": given.number, "name": given.name, "role": given.role.value}
        return await self._acts.perform(caller, Action.ADD_REGISTRAR, REGISTRAR_CODEC, work, given=asked, key=key)

    async def end(
        self, caller: Caller, registrar_id: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Registrar]:
        """Who leaves the staff: sessions and certificates end with it, for good. Repeated, there is nothing left to do.

        Raises Refused for nobody, for the last active officer, and for another version. Does NOT block a key that fell
        into other hands: revoke its certificate for keyCompromise before.
        """

        async def work(act: Act) -> Done[Registrar]:
            registrar = await self._registrars.find(registrar_id, act.session)
            if registrar is None:
                raise refuse(RefusalCode.REGISTRAR_NOT_FOUND, "registrarId")
            if registrar.status is RegistrarStatus.ENDED:
                return Done(registrar, None)
            act.ensure_version(registrar.version, expected_version)
            if is_active_officer(registrar) and not await self._registrars.touch_other_officers(
                act.session, registrar.id
            ):
                raise refuse(RefusalCode.LAST_OFFICER, "registrarId", number=registrar.number)
            certificates = await self._certificates.end_registrars(act.session, registrar.id, act.at)
            left = await self._registrars.replace(act.session, ended(registrar, act.at))
            content = {"number": left.number, "role": left.role, **ended_with_it(certificates)}
            return Done(left, await act.record("registrar.ended", left.id, None, content))

        asked = {"registrar": registrar_id, "version": expected_version}
        return await self._acts.perform(caller, Action.END_REGISTRAR, REGISTRAR_CODEC, work, given=asked, key=key)


def _parse(act: Act, given: RegistrarInput) -> Registrar:
    findings = Findings()
    name = findings.attempt(numbers.parse_name, given.name, "name")
    if _NUMBER.fullmatch(given.number) is None:
        findings.add(RefusalCode.REGISTRAR_NUMBER_INVALID, "number", found=given.number[:40])
    findings.raise_any()
    return Registrar(
        id=act.new_id(Kind.REGISTRAR),
        version=1,
        number=given.number,
        name=name or "",
        role=given.role,
        status=RegistrarStatus.ACTIVE,
        added_at=act.at,
    )
