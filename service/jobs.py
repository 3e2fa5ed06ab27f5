"""What a process of the service does besides answering: it integrates records, feeds subscriptions, keeps
uses, lets due changes happen."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from service.bootstrap import Services
from service.errors import ServiceError
from service.refusals import Refused
from service.storage.errors import as_service_error

EFFECT_SECONDS = 30.0  # how late an approved application may take effect on its day
DELIVER_SECONDS = 15.0  # how late the delivery of a published agreement may begin
OVERLAP_SECONDS = 60.0  # how late a renewed certificate may end with its overlap
ISSUE_SECONDS = 300.0  # how long what a crash interrupted may wait for the second look; the first is at the start
SMS_SECONDS = 5.0  # how late an SMS may leave
REMIND_SECONDS = 60.0  # how late a reminder may be
LEAD_SECONDS = 5.0  # before a leader that failed tries again

logger = logging.getLogger(__name__)


@asynccontextmanager
async def running_jobs(services: Services) -> AsyncIterator[None]:
    """The jobs, for as long as the context is open. Any number of processes may run them at once."""
    tasks = [
        asyncio.create_task(services.integrator.run(), name="integrator"),
        asyncio.create_task(services.feeds.run(), name="feeds"),
        asyncio.create_task(services.usage.run(), name="usage"),
        asyncio.create_task(services.records.attempts.run(), name="attempts"),
        asyncio.create_task(repeat(services.applications.effect_due, EFFECT_SECONDS), name="applications"),
        asyncio.create_task(repeat(services.publications.deliver, DELIVER_SECONDS), name="deliveries"),
        asyncio.create_task(repeat(services.certificate_use.supersede_due, OVERLAP_SECONDS), name="overlaps"),
        asyncio.create_task(repeat(services.certificate_issuing.finish_interrupted, ISSUE_SECONDS), name="issuing"),
    ]
    tasks += [
        asyncio.create_task(repeat(services.outbox.deliver_due, SMS_SECONDS), name="sms"),
        asyncio.create_task(repeat(lambda: remind(services), LEAD_SECONDS), name="reminders"),
    ]
    if services.revocation_status is not None:
        tasks.append(asyncio.create_task(services.revocation_status.run(), name="revocations"))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task, result in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
            if isinstance(result, Exception):
                logger.error("a job ended", extra={"job": task.get_name()}, exc_info=result)


async def remind(services: Services) -> None:
    """Remind, and measure what is to come, for as long as this process leads."""

    async def look() -> None:
        await services.reminders.remind_due()
        await services.expiry_gauges.measure()

    await services.reminding.run(look, REMIND_SECONDS)


async def repeat(work: Callable[[], Awaitable[object]], every: float) -> None:
    """Do `work` again and again, `every` seconds after it was done. An outage of the database is waited out."""
    while True:
        try:
            await work()
        except (ServiceError, Refused) as error:
            logger.warning("a job will be tried again", extra={"reason": type(error).__name__})
        except Exception as error:
            if as_service_error(error) is None:
                raise
            logger.warning("a job will be tried again", extra={"reason": type(error).__name__})
        await asyncio.sleep(every)
