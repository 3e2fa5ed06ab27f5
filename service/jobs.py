"""What a process of the service does besides answering: it integrates records, feeds subscriptions, keeps
uses, lets due changes happen."""

from contextlib import AbstractAsyncContextManager

from service.background import Jobs, repeat
from service.bootstrap import Services

EFFECT_SECONDS = 30.0  # how late an approved application may take effect on its day
DELIVER_SECONDS = 15.0  # how late the delivery of a published agreement may begin
OVERLAP_SECONDS = 60.0  # how late a renewed certificate may end with its overlap
ISSUE_SECONDS = 300.0  # how long what a crash interrupted may wait for the second look; the first is at the start
SMS_SECONDS = 5.0  # how late an SMS may leave
REMIND_SECONDS = 60.0  # how late a reminder may be
LEAD_SECONDS = 5.0  # before a leader that failed tries again


def running_jobs(services: Services, jobs: Jobs) -> AbstractAsyncContextManager[None]:
    """The service's own jobs, for as long as the context is open. Any number of processes may run them at once."""
    works = {
        "integrator": services.integrator.run(),
        "feeds": services.feeds.run(),
        "usage": services.usage.run(),
        "attempts": services.records.attempts.run(),
        "applications": repeat(services.applications.effect_due, EFFECT_SECONDS),
        "deliveries": repeat(services.publications.deliver, DELIVER_SECONDS),
        "overlaps": repeat(services.certificate_use.supersede_due, OVERLAP_SECONDS),
        "issuing": repeat(services.certificate_issuing.finish_interrupted, ISSUE_SECONDS),
        "sms": repeat(services.outbox.deliver_due, SMS_SECONDS),
        "reminders": repeat(lambda: remind(services), LEAD_SECONDS),
    }
    if services.revocation_status is not None:
        works["revocations"] = services.revocation_status.run()
    return jobs.running(works)


async def remind(services: Services) -> None:
    """Remind, and measure what is to come, for as long as this process leads."""

    async def look() -> None:
        await services.reminders.remind_due()
        await services.expiry_gauges.measure()

    await services.reminding.run(look, REMIND_SECONDS)
