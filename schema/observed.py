"""What log, metrics and findings are told of each operation: who asked, which, at what cost, and how it ended."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from graphql import OperationType

from schema.context import Context
from schema.documents import DocumentRefused
from schema.errors import FormattedError
from schema.execution import Answer, Execution, GraphQLRequest, Job
from service.access import Caller
from service.http.findings import Findings
from service.http.metrics import Meter
from service.logs import current_request

LONGEST_NAME = 64  # of an operation, in the log: it is the client's word
REFUSED = "none"  # the kind of operation that a request without an operation came to


def note_request(found: Findings, request: GraphQLRequest) -> None:
    found.document, found.variables = request.query, request.variables
    found.operation_name = request.operation_name


def note_job(found: Findings, job: Job) -> None:
    found.operation_name, found.operation_kind, found.cost = job.operation.name, job.operation.type.value, job.cost
    if found.document is None and job.operation.document.loc is not None:  # the request only named it
        found.document = job.operation.document.loc.source.body


@dataclass(frozen=True, slots=True)
class ObservedExecution(Execution):
    """An Execution that counts what it runs and refuses, over HTTP and WebSocket alike, and writes it into the facts
    of the request being served. A WebSocket has one set of facts: those of its last operation."""

    meter: Meter

    def prepare(self, request: GraphQLRequest, caller: Caller) -> Job:
        facts = current_request.get()
        if facts:
            facts.caller = caller.id or caller.kind.value.lower()
        try:
            job = Execution.prepare(self, request, caller)
        except DocumentRefused as refused:
            self._ended(REFUSED, refused.errors)
            raise
        if facts:
            facts.operation = (job.operation.name or "anonymous")[:LONGEST_NAME]
            facts.cost = job.cost
        return job

    async def run(self, job: Job, context: Context) -> Answer:
        answer = await Execution.run(self, job, context)
        context.findings.answered(answer.errors, answer.data)
        self._ended(job.operation.type.value, answer.errors)
        return answer

    async def stream(self, job: Job, context: Context) -> AsyncGenerator[Answer]:
        """A subscription ends when there are no more answers, or when nobody wants them any longer."""
        errors: list[FormattedError] | None = None
        try:
            async with aclosing(Execution.stream(self, job, context)) as answers:
                async for answer in answers:
                    errors = errors or answer.errors
                    if job.operation.type is OperationType.SUBSCRIPTION:
                        context.findings.answered(answer.errors, answer.data)
                    yield answer
        finally:
            if job.operation.type is OperationType.SUBSCRIPTION:  # another has been through `run`
                self._ended(job.operation.type.value, errors)

    def _ended(self, kind: str, errors: Sequence[FormattedError] | None) -> None:
        """The outcome of an operation is the code of its first error."""
        extensions = errors[0].get("extensions", {}) if errors else {}
        outcome = str(extensions.get("code", "ok"))
        self.meter.operation(kind, outcome)
        limit = extensions.get("limit")
        if isinstance(limit, dict) and "name" in limit:
            self.meter.limit_hit(str(limit["name"]))
        if facts := current_request.get():
            facts.outcome = outcome
