"""From a GraphQL request to its answer: find the document, price it, run it. Knows nothing of HTTP."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError, OperationType
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_subscription_event,
    map_source_to_response_event,
)
from strawberry.execution import optimized_is_awaitable

from schema.context import Context
from schema.cost import ensure_affordable
from schema.documents import DocumentRefused, Documents, Operation
from schema.errors import (
    FormattedError,
    format_exception,
    format_execution_errors,
    format_request_error,
    format_service_error,
)
from schema.leaves import LeafExecutor
from schema.limits import QueryTooExpensive, ensure_variables_within
from schema.watching import watched
from service.access import Caller
from service.errors import ErrorCode, ServiceError, Unavailable

logger = logging.getLogger(__name__)

CROSSING_SECONDS = 5.0  # an answer waits no longer for its record


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of one request, each of the type it must be."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request comes to. `executed` is False where nothing ran: such an answer has no `data` at all."""

    errors: list[FormattedError] | None = None
    data: dict[str, Any] | None = None
    executed: bool = False
    cost: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A request whose document is ready and whose price is paid."""

    operation: Operation
    variables: dict[str, Any]
    cost: int
    hide_suggestions: bool


@dataclass(frozen=True, slots=True)
class Execution:
    """Runs requests against one schema. `introspection` says which callers may ask what the schema is."""

    documents: Documents
    introspection: Callable[[Caller], bool]

    def prepare(self, request: GraphQLRequest, caller: Caller) -> Job:
        """Raises DocumentRefused for what will not run, RequestRefused for what is no request."""
        open_schema = self.introspection(caller)
        source = self.documents.source(request.query, request.document_id, request.extensions)
        prepared = self.documents.prepared(source, introspection=open_schema)
        self.documents.remember(source, request.extensions)
        operation = prepared.operation(request.operation_name)
        variables = request.variables or {}
        try:
            if variables:
                ensure_variables_within(variables, self.documents.limits)
            cost = operation.cost.of(variables)
            ensure_affordable(cost, self.documents.limits)
        except QueryTooExpensive as error:
            raise DocumentRefused([format_request_error(error, ErrorCode.QUERY_TOO_EXPENSIVE)]) from error
        return Job(operation, variables, cost, hide_suggestions=not open_schema)

    async def run(self, job: Job, context: Context) -> Answer:
        """A query or a mutation, from variables to data. Raises nothing: what went wrong is in the answer's errors."""
        executor = self._executor(job, context)
        if isinstance(executor, Answer):
            return executor
        try:
            result = await self._in_time(executor.execute_operation, context)
        except TimeoutError:
            return Answer([format_service_error(self._timed_out())], cost=job.cost, executed=True)
        except Exception as error:
            return Answer([format_exception(error, context.request_id)], cost=job.cost, executed=True)
        return await _answer(result, job, context)

    async def _in_time(self, execute: Callable[[], object], context: Context) -> ExecutionResult:
        """Raises TimeoutError once the time of one operation is over."""
        seconds = self.documents.limits.execution_seconds
        with context.services.database.deadline(seconds):  # a call under way when an outage begins ends too
            result = execute()
            if isinstance(result, ExecutionResult):
                return result
            async with asyncio.timeout(seconds):  # something has to be waited for
                return await cast("Awaitable[ExecutionResult]", result)

    async def stream(self, job: Job, context: Context) -> AsyncGenerator[Answer]:
        """The answers of any operation: of a subscription as many as there are events, of another the one."""
        if job.operation.type is not OperationType.SUBSCRIPTION:
            yield await self.run(job, context)
            return
        executor = self._executor(job, context)
        if isinstance(executor, Answer):
            yield executor
            return
        try:
            source = create_source_event_stream(executor)
            events = await source if isawaitable(source) else source
            if isinstance(events, ExecutionResult):
                refused = ExecutionResult(data=None, errors=events.errors)
                yield replace(await _answer(refused, job, context), data=None, executed=False)
                return

            async def execute(of_event: Executor[Any]) -> ExecutionResult:
                return await self._event(of_event, context)

            answered = map_source_to_response_event(executor, watched(events, context), execute)
            async with aclosing(answered) as results:
                async for result in results:
                    yield await _answer(result, job, context)
        except ServiceError as error:
            errors = [format_service_error(error)]
            await _note_crossing(errors, context)
            yield Answer(errors, cost=job.cost)
        except Exception as error:
            yield Answer([format_exception(error, context.request_id)], cost=job.cost, executed=True)

    async def _event(self, executor: Executor[Any], context: Context) -> ExecutionResult:
        """What one event comes to. One that takes too long is told so, and the next is waited for."""
        try:
            return await self._in_time(lambda: execute_subscription_event(executor), context)
        except TimeoutError:
            error = self._timed_out()
            return ExecutionResult(data=None, errors=[GraphQLError(error.message, original_error=error)])

    def _executor(self, job: Job, context: Context) -> LeafExecutor | Answer:
        """The executor with its variables coerced, or the answer that says which of them is wrong."""
        built = LeafExecutor.build(
            self.documents.graphql_schema,
            job.operation.document,
            context_value=context,
            raw_variable_values=job.variables,
            operation_name=job.operation.name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # a bool where graphql-core has a TypeGuard
            hide_suggestions=job.hide_suggestions,
        )
        if isinstance(built, list):
            return Answer([format_request_error(error, ErrorCode.BAD_USER_INPUT) for error in built], cost=job.cost)
        executor = cast("LeafExecutor", built)  # `build` makes one of the class it is called on
        executor.plan = job.operation.plan
        return executor

    def _timed_out(self) -> Unavailable:
        seconds = self.documents.limits.execution_seconds
        return Unavailable(
            f"The answer was not ready within {seconds:g} s. A mutation may be done: repeat it with its key.",
            limit={"name": "execution_seconds", "limit": seconds},
        )


async def _answer(result: ExecutionResult, job: Job, context: Context) -> Answer:
    errors = format_execution_errors(result.errors, context.request_id) if result.errors else None
    await _note_crossing(errors or [], context)
    if errors and _needs_login(errors, result.data):
        return Answer([{"message": errors[0]["message"], "extensions": errors[0]["extensions"]}], cost=job.cost)
    return Answer(errors, result.data, executed=True, cost=job.cost)


async def _note_crossing(errors: list[FormattedError], context: Context) -> None:
    """An id of the other world was among what was asked: on record once for a request, however many ids there were.

    That it cannot be recorded now is no reason to lose an answer: a mutation before it may be done.
    """
    if not any(error["extensions"]["code"] == ErrorCode.ENVIRONMENT_MISMATCH for error in errors):
        return
    try:
        with context.services.database.deadline(CROSSING_SECONDS):
            await context.services.records.attempts.crossed(context.caller, "id")
    except Exception:
        logger.warning("an attempt to cross was not recorded", exc_info=True)


def _needs_login(errors: list[FormattedError], data: dict[str, Any] | None) -> bool:
    """Whether nothing at all was answered, for want of a token: the request is then refused, not its fields."""
    if any(value is not None for value in (data or {}).values()):
        return False
    return all(error["extensions"]["code"] == ErrorCode.UNAUTHENTICATED for error in errors)
