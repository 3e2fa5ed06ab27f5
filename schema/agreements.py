"""The agreement (联网服务协议) over GraphQL: its versions, chapters, articles and clauses, search and changes."""

from datetime import date, datetime
from typing import Self

import strawberry

from schema.context import Info
from schema.cost import ListSize, reads
from schema.nodes import serve
from schema.pagination import Connection, connect, page_request
from schema.permissions import OnlyFor
from schema.scalars import Cursor
from schema.types import Marked, Node, marks
from service import agreement_changes, agreement_search, agreement_text
from service.agreement_changes import ChangeKind, SegmentKind
from service.agreement_search import Language
from service.agreement_text import Party
from service.agreements import NEWEST_FIRST, AgreementStatus
from service.agreements import Agreement as AgreementRecord
from service.errors import BadInput
from service.identifiers import Kind
from service.policy import Action
from service.refusals import RefusalCode, codes_of_article
from service.storage import consents
from service.world import World

for _enum, _description in (
    (AgreementStatus, "DRAFT until published; SUPERSEDED once a later version is in force (art. 25)."),
    (ChangeKind, "What became of an article between two versions."),
    (SegmentKind, "Whether a piece of text stands in both versions, or in one."),
    (Language, "CHINESE is what counts; ENGLISH is a translation for reading."),
    (Party, "A (甲方) is the participant; B (乙方) is the depository."),
):
    strawberry.enum(_enum, description=_description)


@strawberry.type(description="A clause (项) of an article: the ①..⑤ of art. 21.")
class Clause:
    label: str = strawberry.field(description="The mark before the clause, for example ①.")
    text: str


@strawberry.type(description="An article (条) of one version of the agreement.")
class Article:
    agreement: strawberry.Private[AgreementRecord]
    record: strawberry.Private[agreement_text.Article]
    number: int
    text: str = strawberry.field(description="The Chinese text, which counts.")
    english: str | None = strawberry.field(description="A translation for reading, where there is one.")
    parties: list[Party] = strawberry.field(
        description="Whom the article names: A (甲方), B (乙方).", directives=[ListSize(assumed_size=len(Party))]
    )

    @classmethod
    def of(cls, agreement: AgreementRecord, record: agreement_text.Article) -> Self:
        return cls(
            agreement=agreement,
            record=record,
            number=record.number,
            text=record.text,
            english=_english(agreement, record.number),
            parties=list(record.parties),
        )

    @strawberry.field(
        description="The clauses the text enumerates; empty for most articles.", directives=[ListSize(assumed_size=5)]
    )
    def clauses(self) -> list[Clause]:
        return [Clause(label=clause.label, text=clause.text) for clause in self.record.clauses]

    @strawberry.field
    def chapter(self) -> "Chapter":
        chapters = self.agreement.text.chapters
        return Chapter.of(self.agreement, next(each for each in chapters if self.record in each.articles))

    @strawberry.field(
        description="The refusals this article stands behind: what the service says no with in its name.",
        directives=[ListSize(assumed_size=40)],
    )
    def enforced_by(self) -> list[RefusalCode]:
        return list(codes_of_article(self.number))


def _article(agreement: AgreementRecord, number: int | None) -> Article | None:
    found = agreement.text.find_article(number) if number is not None else None
    return Article.of(agreement, found) if found else None


def _english(agreement: AgreementRecord, number: int) -> str | None:
    found = agreement.english.find_article(number) if agreement.english else None
    return found.text if found else None


@strawberry.type(description="A chapter (章) of one version of the agreement.")
class Chapter:
    agreement: strawberry.Private[AgreementRecord]
    record: strawberry.Private[agreement_text.Chapter]
    number: int
    title: str

    @classmethod
    def of(cls, agreement: AgreementRecord, record: agreement_text.Chapter) -> Self:
        return cls(agreement=agreement, record=record, number=record.number, title=record.title)

    @strawberry.field(directives=[ListSize(assumed_size=8)])
    def articles(self) -> list[Article]:
        return [Article.of(self.agreement, each) for each in self.record.articles]


@strawberry.type(description="A stretch of an article's text: offsets in Unicode code points, the end exclusive.")
class Span:
    start: int
    end: int


@strawberry.type(description="An article that a search found.")
class ArticleMatch:
    article: Article
    language: Language
    spans: list[Span] = strawberry.field(
        description="Where in the text of that language the words stand.", directives=[ListSize(assumed_size=5)]
    )
    snippet: str = strawberry.field(description="The text around the first span.")
    score: float = strawberry.field(description="1.0 for the whole phrase, less for a part of it. Best first.")

    @classmethod
    def of(cls, agreement: AgreementRecord, match: agreement_search.ArticleMatch) -> Self:
        return cls(
            article=Article.of(agreement, agreement.text.articles[match.number - 1]),
            language=match.language,
            spans=[Span(start=span.start, end=span.end) for span in match.spans],
            snippet=match.snippet,
            score=match.score,
        )


@strawberry.type(description="A piece of a word-level comparison.")
class DiffSegment:
    kind: SegmentKind
    text: str


@strawberry.type(description="What became of one article between two versions of the agreement (art. 25).")
class ArticleChange:
    kind: ChangeKind
    before: Article | None
    after: Article | None
    diff: list[DiffSegment] = strawberry.field(
        description="EQUAL and DELETE joined give the text before; EQUAL and INSERT the text after.",
        directives=[ListSize(assumed_size=20)],
    )

    @classmethod
    def of(cls, old: AgreementRecord, new: AgreementRecord, change: agreement_changes.ArticleChange) -> Self:
        return cls(
            kind=change.kind,
            before=_article(old, change.old_number),
            after=_article(new, change.new_number),
            diff=[DiffSegment(kind=each.kind, text=each.text) for each in change.segments],
        )


@strawberry.type(description="How a version fares: participants that it was delivered to, and their answers (art. 25).")
class DeliveryCount:
    delivered: int
    opened: int = strawberry.field(description="Where an administrator has asked for it.")
    confirmed: int
    deemed_by_use: int
    rejected: int

    @classmethod
    def of(cls, count: consents.DeliveryCount) -> Self:
        return cls(
            delivered=count.delivered,
            opened=count.opened,
            confirmed=count.confirmed,
            deemed_by_use=count.deemed_by_use,
            rejected=count.rejected,
        )


@strawberry.type(description="One version of the PROP agreement (PROP 联网服务协议). Published versions never change.")
class Agreement(Node, Marked):
    record: strawberry.Private[AgreementRecord]
    number: int = strawberry.field(description="1, 2, 3 ...: each revision has the next (art. 25).")
    title: str
    preamble: str
    party_a: str = strawberry.field(description="Party A (甲方): the participant, as the preamble names it.")
    party_b: str = strawberry.field(description="Party B (乙方): the depository, as the preamble names it.")
    status: AgreementStatus
    is_digest: bool = strawberry.field(
        description="True for this project's own summary of the agreement, which is not the contract and binds nobody."
    )
    published_at: datetime | None
    effective_from: date = strawberry.field(description="The first day, in Shanghai, on which it is in force.")
    ends_notice: str | None = strawberry.field(description="The older notice that ends with this version (art. 29).")
    content_hash: str = strawberry.field(description="SHA-256, lower-case hex, of the canonical text.")
    article_count: int

    @classmethod
    def of(cls, world: World, record: AgreementRecord) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            number=record.number,
            title=record.title,
            preamble=record.text.preamble,
            party_a=record.text.party_a,
            party_b=record.text.party_b,
            status=record.status,
            is_digest=record.is_digest,
            published_at=record.published_at,
            effective_from=record.effective_from,
            ends_notice=record.ends_notice,
            content_hash=record.content_hash,
            article_count=len(record.text.articles),
        )

    @strawberry.field(directives=[ListSize(assumed_size=8)])
    def chapters(self) -> list[Chapter]:
        return [Chapter.of(self.record, each) for each in self.record.text.chapters]

    @strawberry.field(description="One article by its number, null if there is none of that number.")
    def article(self, number: int) -> Article | None:
        return _article(self.record, number)

    @strawberry.field(
        description="Articles in which the words stand, best first: Chinese by pairs of characters, Latin by words. "
        "At most one match an article; the text sought is 1 to 200 characters.",
        directives=[ListSize(assumed_size=30)],
    )
    def search(self, info: Info, text: str) -> list[ArticleMatch]:
        matches = info.context.services.agreements.search_index(self.record).search(text)
        return [ArticleMatch.of(self.record, match) for match in matches]

    @strawberry.field(
        description="What was added, removed, changed and moved since the version of that number (art. 25).",
        directives=[ListSize(assumed_size=30)],
    )
    async def changes_since(self, info: Info, number: int) -> list[ArticleChange]:
        older = await _loaded(info, number)
        if older is None:
            raise BadInput(f"There is no agreement number {number} to compare with.", argument="number")
        changes = agreement_changes.changes(older.text, self.record.text)
        return [ArticleChange.of(older, self.record, each) for each in changes]

    @strawberry.field(
        description="How many participants got it, and what they made of it: for the depository.",
        extensions=[OnlyFor(Action.READ_DELIVERY)],
        metadata=reads(),
    )
    async def deliveries(self, info: Info) -> DeliveryCount | None:
        context = info.context
        return DeliveryCount.of(await context.services.consents.count_deliveries(context.caller, self.number))

    @strawberry.field(description="The version before, null for the first.")
    async def supersedes(self, info: Info) -> "Agreement | None":
        return await _numbered(info, self.number - 1)

    @strawberry.field(description="The version after, null for the newest.")
    async def superseded_by(self, info: Info) -> "Agreement | None":
        return await _numbered(info, self.number + 1)


async def _numbered(info: Info, number: int) -> Agreement | None:
    record = await _loaded(info, number)
    return Agreement.of(info.context.services.world, record) if record else None


async def _loaded(info: Info, number: int) -> AgreementRecord | None:
    return await info.context.loaders.over(info.context.services.agreements.get_many).load(number)


@strawberry.type
class AgreementQuery:
    @strawberry.field(
        description="One version of the agreement; without a number the one in force today, in Shanghai. Open to all."
    )
    async def agreement(self, info: Info, number: int | None = None) -> Agreement | None:
        context = info.context
        record = await context.services.agreements.find(context.caller, number)
        if record is not None:
            await context.services.consents.note_opened(context.caller, record.number)
        return Agreement.of(context.services.world, record) if record else None

    @strawberry.field(description="All published versions, the newest first. Open to all.")
    async def agreements(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Agreement]:
        context = info.context
        service, world = context.services.agreements, context.services.world
        request = page_request(info, NEWEST_FIRST, first=first, after=after, last=last, before=before)
        page = await service.page(context.caller, request)
        return connect(page, lambda record: Agreement.of(world, record), lambda: service.count(context.caller))


serve(Kind.AGREEMENT, lambda services: services.agreements.get_many_by_id, Agreement.of)
