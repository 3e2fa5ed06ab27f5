"""What is turned away before it is a request: each is counted, and told at most once a second for each kind."""

import logging

import pytest
from prometheus_client import REGISTRY

from service.http.metrics import Meter
from service.http.turned_away import TurnedAway
from service.world import PRODUCTION


def counted(limit: str) -> float:
    return REGISTRY.get_sample_value("prop_limits_hit_total", {"world": "production", "limit": limit}) or 0


def test_each_is_counted_and_one_line_a_second_of_each_kind_says_how_many(caplog: pytest.LogCaptureFixture):
    ticks, before = [0.0], counted("pipeline")
    away = TurnedAway(Meter(PRODUCTION), lambda: ticks[0])
    with caplog.at_level(logging.WARNING, "prop.server"):
        for _ in range(3):
            away.note("pipeline")
        away.note("malformed")
        ticks[0] = 1.0
        away.note("pipeline")
    assert counted("pipeline") - before == 4
    told = [(record.limit, record.times) for record in caplog.records]  # type: ignore[attr-defined]  # its extras
    assert told == [("pipeline", 1), ("malformed", 1), ("pipeline", 3)]
