"""Why an exchange was refused: the rule, its article, and what would have made it yes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.inspector.advice import Advice, advice_on
from sandbox.inspector.exchanges import Exchange, Trouble
from service.access import SYSTEM, Caller, CallerKind
from service.agreements import AgreementService
from service.missing_permissions import MissingPermission, missing_permissions
from service.operators import Operator
from service.participants import granted_services
from service.policy import POLICY, Action
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore


@dataclass(frozen=True, slots=True)
class ArticleText:
    """An article of the agreement in force; `english` is None where no translation was imported."""

    number: int
    chinese: str
    english: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`missing`: the permission that the operator lacks now, where that is the reason; with whom to ask for it."""

    trouble: Trouble
    advice: Advice
    article: ArticleText | None
    missing: MissingPermission | None


class Explaining:
    def __init__(self, agreements: AgreementService, operators: OperatorStore, participants: ParticipantStore) -> None:
        self._agreements = agreements
        self._operators = operators
        self._participants = participants

    async def explain(self, exchange: Exchange) -> list[Explanation]:
        """One for each trouble. Who held what is told as it is now, not as it was then."""
        missing = await self._missing_of(exchange)
        articles = await self._articles(exchange.troubles)
        return [
            Explanation(
                each,
                advice_on(each.code, each.article),
                articles.get(each.article or 0),
                next((one for one in missing if one.permission is _asked_permission(each)), None),
            )
            for each in exchange.troubles
        ]

    async def _missing_of(self, exchange: Exchange) -> Sequence[MissingPermission]:
        if not any(each.action for each in exchange.troubles) or exchange.operator_id is None:
            return ()
        operator = await self._operators.find(exchange.operator_id)
        participant = await self._participants.find(exchange.participant_id)
        if operator is None or participant is None:
            return ()
        return missing_permissions(_as_caller(operator), granted_services(participant))

    async def _articles(self, troubles: Sequence[Trouble]) -> dict[int, ArticleText]:
        numbers = {each.article for each in troubles if each.article is not None}
        agreement = await self._agreements.find(SYSTEM) if numbers else None
        if agreement is None:
            return {}
        found = {}
        for each in agreement.text.articles:
            if each.number in numbers:
                english = agreement.english.find_article(each.number) if agreement.english else None
                found[each.number] = ArticleText(each.number, each.text, english.text if english else None)
        return found


def _asked_permission(trouble: Trouble) -> object:
    if trouble.action is None or trouble.action not in set(Action):
        return None
    return POLICY[Action(trouble.action)].permission


def _as_caller(operator: Operator) -> Caller:
    return Caller(
        CallerKind.OPERATOR,
        operator.id,
        operator.participant_id,
        operator.role,
        permissions=frozenset(operator.permissions),
    )
