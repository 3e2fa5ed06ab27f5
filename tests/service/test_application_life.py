"""The state machine of applications, at random: no command leaves its table, what is final stays final."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service import applications
from service.applications import (
    APPLICATION_TRANSITIONS,
    REQUIRED_MATERIALS,
    SETTLED,
    Application,
    ApplicationCommand,
    ApplicationStatus,
    ApplicationType,
    Review,
)
from service.refusals import Refused
from tests.service.institutions import OFFICER
from tests.service.lives import (
    AT,
    DRAFT,
    edges,
)


class ApplicationLife(RuleBasedStateMachine):
    """Every pure rule on an application, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.application = DRAFT

    def attempt(self, change: Callable[[Application], Application]) -> None:
        before = self.application
        try:
            after = change(before)
        except Refused:
            return
        waits = {ApplicationStatus.SUBMITTED} if after.reviews != before.reviews else set()
        steps = edges(APPLICATION_TRANSITIONS)
        through = (ApplicationStatus.UNDER_REVIEW, after.status) in steps
        assert (before.status, after.status) in steps or (before.status in waits and through)
        assert before.status not in SETTLED
        self.application = after

    @rule(declared=st.booleans())
    def submit(self, declared: bool) -> None:
        def submit(each: Application) -> Application:
            return applications.submitted(replace(each, truth_declared=declared), by=OFFICER, at=AT, today=AT.date())

        self.attempt(submit)

    @rule(decision=st.sampled_from(ApplicationCommand), reason=st.sampled_from([None, "", "a reason"]))
    def review(self, decision: ApplicationCommand, reason: str | None) -> None:
        words = {
            ApplicationCommand.TAKE_UP,
            ApplicationCommand.RETURN,
            ApplicationCommand.REJECT,
            ApplicationCommand.APPROVE,
        }
        if decision in words:
            self.attempt(lambda each: applications.reviewed(each, Review(decision, AT, "b", reason)))

    @rule()
    def withdraw(self) -> None:
        self.attempt(applications.withdrawn)

    @rule()
    def effect(self) -> None:
        self.attempt(lambda each: applications.effected(each, AT))

    @rule(often=st.integers(0, 4))
    def lapse(self, often: int) -> None:
        if often:  # seldom, or nothing else is tried
            return
        before = self.application
        self.attempt(applications.lapsed)
        assert (self.application is not before) == (before.status not in SETTLED), "whatever waits lapses"

    @invariant()
    def holds(self) -> None:
        now = self.application
        assert (now.effected_at is not None) == (now.status is ApplicationStatus.EFFECTED)
        if now.status not in {ApplicationStatus.DRAFT, ApplicationStatus.WITHDRAWN, ApplicationStatus.LAPSED}:
            assert now.truth_declared
            assert now.submitted_by == OFFICER.id
        if now.status in {ApplicationStatus.RETURNED, ApplicationStatus.REJECTED}:
            assert now.reviews[-1].reason
        if now.status in {ApplicationStatus.APPROVED, ApplicationStatus.EFFECTED}:
            assert now.reviews[-1].decision is ApplicationCommand.APPROVE


TestApplicationLife = ApplicationLife.TestCase


def test_every_kind_of_application_asks_for_its_form() -> None:
    assert set(REQUIRED_MATERIALS) == set(ApplicationType)
    for kind in ApplicationType:
        bare = replace(DRAFT, type=kind, materials=())
        with pytest.raises(Refused) as caught:
            applications.submitted(bare, by=OFFICER, at=AT, today=AT.date())
        assert len(caught.value.refusals) == len(REQUIRED_MATERIALS[kind])
