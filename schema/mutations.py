"""Mutations: one way in and one way out for all of them.

`input` and `idempotencyKey` go in. Out comes what was changed with its receipt, or the refusals of the rules that said
no (`service.refusals`); errors that are not business stay top-level errors of the answer.
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol, Self, TypeVar, get_type_hints

import strawberry

from schema.bounds import ensure_bounded
from schema.context import Context, Info
from schema.cost import ListSize
from schema.nodes import ensure_ids
from schema.permissions import asks
from schema.proposals import Proposal
from schema.records import Record
from service import refusals
from service.access import CallerKind
from service.acts import Done, Stored
from service.errors import BadInput
from service.policy import Action, ensure_may
from service.refusals import RefusalCode, Refused
from service.world import World

I = TypeVar("I")  # noqa: E741 - the input
R = TypeVar("R", bound=Stored)

EXPECTED_VERSION = "The version that was read: refused with VERSION_CONFLICT if it has changed since."
PROPOSAL_ID = "To confirm, as the second person, what another proposed: the same input, with the proposal's id."
KEY_DESCRIPTION = (
    "Of the caller's choice, 1 to 255 characters: for 24 hours the same key answers as it did first, and acts once."
)


@strawberry.type(description="A rule said no. Show it to the person, branch on the code.")
class Refusal:
    code: RefusalCode
    message: str
    message_zh: str
    article: int | None = strawberry.field(description="The article of the agreement that asks for it.")
    field: list[str] | None = strawberry.field(
        description="The path of what it is about, from within `input`; `idempotencyKey` for the key itself.",
        directives=[ListSize(assumed_size=4)],
    )

    @classmethod
    def of(cls, refusal: refusals.Refusal) -> Self:
        return cls(
            code=refusal.code,
            message=refusal.message,
            message_zh=refusal.message_zh,
            article=refusal.article,
            field=list(refusal.field) or None,
        )


class Noun(Protocol):
    """An object type that is made of a stored record."""

    @classmethod
    def of(cls, world: World, record: Any) -> Self: ...


Work = Callable[[Any, Context, I, str | None], Awaitable[Done[R]]]


def mutation(noun: type[Noun], *actions: Action) -> Callable[[Work[I, R]], Any]:
    """Make a mutation of a method that is given the context, the input and the key, and does one act of a service.

    Its payload is named after it, and holds the noun under its own name. `actions`: what the service asks the policy.
    """

    def declare(work: Work[I, R]) -> Any:
        kind: Any = get_type_hints(work)["given"]
        name = _snake(noun.__name__)
        payload = _payload_type(work.__name__, name, noun)

        async def resolve(info: Info, given: Any, idempotency_key: str | None = None) -> Any:
            context = info.context
            world = context.services.world
            if context.caller.kind is CallerKind.ANONYMOUS:
                ensure_may(context.caller, actions[0])  # nobody's input is looked at before there is somebody
            ensure_ids(world, given)
            context.findings.idempotency_key = idempotency_key
            try:
                ensure_bounded(given)
                done = await work(None, context, given, idempotency_key)
            except Refused as refused:
                context.findings.refused(refused.refusals)
                return payload(refusals=[Refusal.of(each) for each in refused.refusals])
            return payload(
                **{name: noun.of(world, done.subject)},
                proposal=Proposal.of(world, done.proposal) if done.proposal else None,
                receipt=Record.of(world, done.record) if done.record else None,
                refusals=[],
            )

        resolve.__annotations__ = {  # the types of this one mutation, which strawberry reads here
            "info": Info,
            "given": Annotated[kind, strawberry.argument(name="input")],
            "idempotency_key": Annotated[str | None, strawberry.argument(description=KEY_DESCRIPTION)],
            "return": payload,
        }
        description = " ".join((inspect.getdoc(work) or "").split())
        return strawberry.mutation(resolver=resolve, description=description, metadata=asks(*actions))

    return declare


def own_or(context: Context, participant_id: strawberry.ID | None) -> str:
    """The participant an input names, or the caller's own. Raises BadInput where there is neither."""
    named = participant_id or context.caller.participant_id
    if named is None:
        raise BadInput("Name the participant: this caller acts for none.", field="participantId")
    return named


def _payload_type(mutation_name: str, noun_name: str, noun: type[Noun]) -> Any:
    members: dict[str, tuple[Any, str]] = {
        noun_name: (noun | None, "As it is now; null where it was refused."),
        "proposal": (Proposal | None, "Where the act waits for a second person: what that person confirms."),
        "receipt": (Record | None, "The record of the act, signed. Null where nothing was left to do."),
    }
    body: dict[str, Any] = {
        name: strawberry.field(default=None, description=description) for name, (_, description) in members.items()
    }
    body["refusals"] = strawberry.field(
        description="Every rule that said no. Empty where the act was done.", directives=[ListSize(assumed_size=10)]
    )
    body["__annotations__"] = {name: kind for name, (kind, _) in members.items()} | {"refusals": list[Refusal]}
    title = "".join(part.capitalize() for part in mutation_name.split("_")) + "Payload"
    return strawberry.type(type(title, (), body))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
