"""A database that does not answer, for those who want to see what the service says then."""

from pymongo.errors import AutoReconnect

from service.errors import ServiceError
from service.storage.errors import as_service_error


def database_outage() -> ServiceError:
    """The service's own words for what the driver raises when its server is gone."""
    said = as_service_error(AutoReconnect("asked for"))
    assert said is not None  # noqa: S101 - the service knows this error, or every outage would be an unexpected one
    return said
