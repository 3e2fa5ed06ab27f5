"""The bytes of an answer: `data`, `errors`, and the `extensions` that mark the world and name the price."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from schema.errors import FormattedError
from schema.execution import Answer
from schema.limits import Limits
from service.world import World

Remarks = Callable[[], Mapping[str, object]]
"""What is to be said of the request that is answered now, beside the mark of the world."""


def no_remarks() -> Mapping[str, object]:
    return {}


class Answers:
    """Encodes the answers of one world."""

    def __init__(self, world: World, limits: Limits, remarks: Remarks = no_remarks) -> None:
        self.mark: dict[str, Any] = {
            "environment": world.environment.value,
            "binding": world.binding,
            "notice": world.notice,
        }
        self._mark = orjson.Fragment(orjson.dumps(self.mark))
        self._remarks = remarks
        self._limit = limits.cost

    def encode(self, answer: Answer) -> bytes:
        return orjson.dumps(self.body(answer))

    def body(self, answer: Answer) -> dict[str, Any]:
        """What is sent, as a dictionary that orjson can write. `data` is absent where nothing was executed."""
        body: dict[str, Any] = {}
        if answer.errors:
            body["errors"] = answer.errors
        if answer.executed:
            body["data"] = answer.data
        extensions: dict[str, Any] = {"prop": self._marked()}
        if answer.cost is not None:
            extensions["cost"] = {"requested": answer.cost, "limit": self._limit}
        body["extensions"] = extensions
        return body

    def refusal(self, code: str, message: str) -> bytes:
        """The answer to what is no GraphQL request."""
        return self.encode(Answer([{"message": message, "extensions": {"code": code}}]))

    def marked(self, errors: list[FormattedError]) -> list[FormattedError]:
        """The errors, each with the mark: a WebSocket `error` message is a bare list and has no other place for it."""
        return [{**error, "extensions": {**error.get("extensions", {}), "prop": self._marked()}} for error in errors]

    def _marked(self) -> object:
        remarks = self._remarks()
        return {**self.mark, **remarks} if remarks else self._mark
