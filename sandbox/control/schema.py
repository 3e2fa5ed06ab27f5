"""The control schema, composed of what each noun brings. `python -m sandbox.control.schema` writes its SDL."""

from pathlib import Path

from sandbox.control.clock import ClockMutation, ClockQuery
from sandbox.control.conformance import ConformanceMutation, ConformanceQuery, ConformanceSubscription
from sandbox.control.events import EventMutation, EventQuery
from sandbox.control.exchanges import ExchangeMutation, ExchangeQuery
from sandbox.control.jobs import JobQuery, JobSubscription
from sandbox.control.joining import JoinMutation
from sandbox.control.personas import PersonaMutation, PersonaQuery
from sandbox.control.receivers import ReceiverMutation, ReceiverQuery
from sandbox.control.scenarios import FaultMutation, ScenarioQuery
from sandbox.control.snapshots import SnapshotMutation
from sandbox.control.tenants import TenantQuery
from sandbox.control.webhooks import WebhookMutation, WebhookQuery
from schema.build import Schema, make_schema, print_sdl

SDL = Path(__file__).with_name("schema.graphql")


def control_schema() -> Schema:
    return make_schema(
        (
            TenantQuery,
            ClockQuery,
            JobQuery,
            PersonaQuery,
            EventQuery,
            WebhookQuery,
            ReceiverQuery,
            ConformanceQuery,
            ExchangeQuery,
            ScenarioQuery,
        ),
        (
            JoinMutation,
            ClockMutation,
            SnapshotMutation,
            PersonaMutation,
            EventMutation,
            WebhookMutation,
            ReceiverMutation,
            ConformanceMutation,
            ExchangeMutation,
            FaultMutation,
        ),
        (JobSubscription, ConformanceSubscription),
    )


if __name__ == "__main__":
    SDL.write_text(print_sdl(control_schema()), encoding="utf-8")
