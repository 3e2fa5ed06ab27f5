"""The agreement (联网服务协议) and its revisions: drafts, then published, never edited after (art. 25, 29)."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import cast

from service.access import Caller, CallerKind
from service.agreement_english import EnglishText, canonical_english, parse_english
from service.agreement_search import SearchIndex
from service.agreement_text import AgreementText, canonical_text, content_hash, parse_agreement
from service.clock import Clock, business_date
from service.errors import BadInput
from service.identifiers import Kind, new_id
from service.pagination import Order, Page, PageRequest, SortKey, page_of
from service.policy import Action, ensure_may
from service.refusals import RefusalCode, refuse
from service.storage.agreements import AgreementDocument, AgreementHead, AgreementStore
from service.world import World

NEWEST_FIRST = Order("newest", (SortKey("number", int, ascending=False),))

# Art. 29: when the first agreement takes effect, the notice that came with the old application form ends.
LEGACY_NOTICE = "《PROP联网及使用须知》"

# A publication by another process is seen within this time; published texts themselves never change.
HEADS_KEPT_SECONDS = 1.0


class AgreementStatus(StrEnum):
    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version of the agreement. `status` is as of the moment of reading; the rest is fixed once published.

    `content_hash` is the SHA-256, lower-case hex, of the canonical text; `source_hash` that of the file as imported.
    `is_digest` marks this project's own summary, which is not the contract.
    """

    id: str
    number: int
    version: int
    status: AgreementStatus
    effective_from: date
    imported_at: datetime
    published_at: datetime | None
    content_hash: str
    source_hash: str
    is_digest: bool
    text: AgreementText
    english: EnglishText | None

    @property
    def title(self) -> str:
        return self.text.title

    @property
    def ends_notice(self) -> str | None:
        """The notice that ends with this version (art. 29): only the first version ends one."""
        return LEGACY_NOTICE if self.number == 1 else None


class AgreementService:
    """Import and reading; `service.publications` publishes. Published texts are parsed once per process and kept."""

    def __init__(self, world: World, clock: Clock, store: AgreementStore) -> None:
        self._world = world
        self._clock = clock
        self._store = store
        self._heads: tuple[float, tuple[AgreementHead, ...]] = (float("-inf"), ())
        self._published: dict[int, Agreement] = {}

    async def import_draft(
        self,
        caller: Caller,
        data: bytes,
        *,
        number: int,
        effective_from: date,
        english: bytes | None = None,
        is_digest: bool = False,
    ) -> Agreement:
        """Store a text as the draft of version `number`, in place of an earlier draft of that number.

        Raises AgreementTextError for a malformed text (with its line), Refused if that number is published.
        """
        ensure_may(caller, Action.PUBLISH_AGREEMENT)
        if not 1 <= number <= 9999:
            raise BadInput(f"Agreement numbers run from 1 to 9999; found {number}.")
        text = parse_agreement(data)
        translation = parse_english(english, text) if english is not None else None
        at = self._clock.now()
        document = AgreementDocument(
            id=new_id(self._world, Kind.AGREEMENT, at),
            number=number,
            version=1,
            effective_from=effective_from,
            imported_at=at,
            published_at=None,
            content_hash=content_hash(text),
            source_hash=hashlib.sha256(data).hexdigest(),
            is_digest=is_digest,
            text=canonical_text(text),
            english=canonical_english(translation) if translation is not None else None,
        )
        saved = await self._store.save_draft(document)
        if saved is None:
            raise refuse(RefusalCode.AGREEMENT_PUBLISHED, "number", number=number)
        return _agreement(saved, AgreementStatus.DRAFT)

    def forget_heads(self) -> None:
        """Look again, at the next reading, which versions are published."""
        self._heads = (float("-inf"), ())

    async def find(self, caller: Caller, number: int | None = None) -> Agreement | None:
        """Version `number`, or the one in force today in Shanghai. A draft is there for the depository only."""
        if number is not None:
            return (await self.get_many(caller, [number]))[0]
        heads = await self._published_heads()
        today = business_date(self._clock.now(caller.participant_id))
        in_force = _in_force(heads, today)
        return (await self.get_many(caller, [in_force.number]))[0] if in_force else None

    async def get(self, caller: Caller, number: int) -> Agreement:
        """Version `number`. Raises Refused(AGREEMENT_NOT_FOUND)."""
        found = await self.find(caller, number)
        if found is None:
            raise refuse(RefusalCode.AGREEMENT_NOT_FOUND, "number", number=number)
        return found

    async def find_by_id(self, caller: Caller, agreement_id: str) -> Agreement | None:
        """The version with that id, under the same rules as `find`."""
        numbers = {head.id: head.number for head in await self._published_heads()}
        number = numbers.get(agreement_id)
        if number is not None:
            return (await self.get_many(caller, [number]))[0]
        draft = await self._store.find_by_id(agreement_id) if _may_read_drafts(caller) else None
        return _agreement(draft, AgreementStatus.DRAFT) if draft and draft.published_at is None else None

    async def get_many_by_id(self, caller: Caller, ids: Sequence[str]) -> list[Agreement | None]:
        """In the order of `ids`, under the same rules as `find`."""
        return [await self.find_by_id(caller, each) for each in ids]

    async def get_many(self, caller: Caller, numbers: Sequence[int]) -> list[Agreement | None]:
        """The versions with these numbers, in their order; None where there is none that the caller may see."""
        heads = await self._published_heads()
        today = business_date(self._clock.now(caller.participant_id))
        in_force = _in_force(heads, today)
        published = {head.number for head in heads}
        missing = [number for number in numbers if number in published and number not in self._published]
        for document in await self._store.get_many(missing) if missing else ():
            self._published[document.number] = _agreement(document, AgreementStatus.PUBLISHED)
        drafts: dict[int, Agreement] = {}
        unpublished = [number for number in numbers if number not in published]
        if unpublished and _may_read_drafts(caller):
            for document in await self._store.get_many(unpublished):
                drafts[document.number] = _agreement(document, AgreementStatus.DRAFT)
        return [
            _with_status(self._published[number], in_force) if number in self._published else drafts.get(number)
            for number in numbers
        ]

    async def page(self, caller: Caller, request: PageRequest) -> Page[Agreement]:
        """A page of the versions the caller may see, in the order NEWEST_FIRST."""
        numbers = await self.numbers(caller)
        wanted = numbers if request.backward else numbers[::-1]
        if request.boundary is not None:
            boundary = cast("int", request.boundary[0])
            wanted = [each for each in wanted if (each > boundary if request.backward else each < boundary)]
        some = wanted[: request.limit + 1]
        found = await self.get_many(caller, some)
        return page_of(request, [((number,), each) for number, each in zip(some, found, strict=True) if each])

    async def count(self, caller: Caller) -> int:
        return len(await self.numbers(caller))

    async def numbers(self, caller: Caller) -> list[int]:
        """The numbers of all versions the caller may see, ascending."""
        if _may_read_drafts(caller):
            return await self._store.numbers()
        return [head.number for head in await self._published_heads()]

    def search_index(self, agreement: Agreement) -> SearchIndex:
        """The index over one version's text, built at its first use and kept for the most recent versions."""
        return _search_index(agreement.text, agreement.english)

    async def _published_heads(self) -> tuple[AgreementHead, ...]:
        read_at, heads = self._heads
        if time.monotonic() - read_at >= HEADS_KEPT_SECONDS:
            heads = tuple(await self._store.published_heads())
            self._heads = (time.monotonic(), heads)
        return heads


def ensure_publishable(
    draft: AgreementDocument | None, number: int, heads: Sequence[AgreementHead]
) -> AgreementDocument:
    """The draft, if it may follow the published versions `heads` (ascending). Raises Refused (art. 25)."""
    if draft is None:
        raise refuse(RefusalCode.AGREEMENT_NOT_FOUND, "number", number=number)
    if draft.published_at is not None:
        raise refuse(RefusalCode.AGREEMENT_PUBLISHED, "number", number=number)
    newest = heads[-1] if heads else None
    if number != (newest.number + 1 if newest else 1):
        raise refuse(RefusalCode.AGREEMENT_OUT_OF_ORDER, "number", number=number, newest=newest.number if newest else 0)
    if newest and draft.effective_from < newest.effective_from:
        raise refuse(
            RefusalCode.AGREEMENT_EFFECTIVE_TOO_EARLY,
            "effectiveFrom",
            number=number,
            effective=draft.effective_from,
            newest=newest.number,
            newest_effective=newest.effective_from,
        )
    return draft


def _may_read_drafts(caller: Caller) -> bool:
    return caller.kind in {CallerKind.SYSTEM, CallerKind.REGISTRAR}


def _in_force(heads: Sequence[AgreementHead], day: date) -> AgreementHead | None:
    """Of the versions that have taken effect by `day`, the newest: one version is in force on a day."""
    return max((head for head in heads if head.effective_from <= day), key=lambda head: head.number, default=None)


def _with_status(agreement: Agreement, in_force: AgreementHead | None) -> Agreement:
    superseded = in_force is not None and agreement.number < in_force.number
    return replace(agreement, status=AgreementStatus.SUPERSEDED) if superseded else agreement


def _agreement(document: AgreementDocument, status: AgreementStatus) -> Agreement:
    """The record of a stored document. Raises AgreementAltered if its text is not the one that was imported."""
    text = parse_agreement(document.text.encode())
    if content_hash(text) != document.content_hash:
        raise AgreementAltered(document.number)
    english = parse_english(document.english.encode(), text) if document.english is not None else None
    return Agreement(
        id=document.id,
        number=document.number,
        version=document.version,
        status=status,
        effective_from=document.effective_from,
        imported_at=document.imported_at,
        published_at=document.published_at,
        content_hash=document.content_hash,
        source_hash=document.source_hash,
        is_digest=document.is_digest,
        text=text,
        english=english,
    )


class AgreementAltered(Exception):
    """The stored text of an agreement does not have the hash it was stored with: it was changed in the database."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the stored text of agreement {number} does not match its content hash")


@lru_cache(maxsize=16)
def _search_index(text: AgreementText, english: EnglishText | None) -> SearchIndex:
    return SearchIndex.of(text, english)
