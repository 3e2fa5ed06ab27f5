"""Faults that a tenant asks for: how often, of a hundred requests or events, something goes wrong for it, and it alone.

What is chosen by chance is chosen here, by one seeded generator, so that a test can say beforehand what will happen.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from random import Random

from service.errors import BadInput

LONGEST_LATENCY_MS = 10_000
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)  # of all settings
LATE_BY = timedelta(seconds=20)
"""How much later than it would a late event arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong, and how often: all but the latency are percent, of requests, sockets, events or OCSP answers."""

    latency_ms: int = 0  # before each answer
    rate_limited: int = 0  # requests answered 429
    unavailable: int = 0  # requests answered 503
    dropped_sockets: int = 0  # WebSockets that close after their first answer, with 1012 and a reason
    duplicate_events: int = 0  # delivered twice
    late_events: int = 0  # delivered LATE_BY later
    ocsp_try_later: int = 0  # OCSP answers that are tryLater

    @property
    def any(self) -> bool:
        return self != NO_FAULTS


NO_FAULTS = Faults()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Faults in place of those that are set, for a while: it passes by itself, whatever becomes of who began it."""

    faults: Faults
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSetting:
    """What a tenant has set. `id` is the tenant's; without `faults` it has what all have who set nothing."""

    id: str
    faults: Faults | None
    set_at: datetime
    outage: Outage | None = None


def parse_faults(given: Mapping[str, int | None]) -> Faults:
    """Of values by name; what is left out is 0. Raises BadInput for what is no share, naming it."""
    known = {each.name for each in fields(Faults)}
    values = {name: value for name, value in given.items() if value is not None}
    for name, value in values.items():
        most = LONGEST_LATENCY_MS if name == "latency_ms" else 100
        if name not in known or isinstance(value, bool) or not 0 <= value <= most:
            unit = "milliseconds" if name == "latency_ms" else "percent"
            raise BadInput(f"{name[:40]} must be 0 to {most} {unit}.", field=name[:40])
    if values.get("rate_limited", 0) + values.get("unavailable", 0) > 100:
        raise BadInput("rate_limited and unavailable are shares of the same requests: 100 percent together at most.")
    return Faults(**values)


def everywhere(percent: int) -> Faults:
    """The same small share of everything, without latency: what tenants have that set nothing, where that is on."""
    names = asdict(NO_FAULTS).keys() - {"latency_ms"}
    return Faults(**dict.fromkeys(names, percent))


class FaultTable:
    """The faults of every tenant, known without asking the database. Told of changes, like the clock is."""

    def __init__(self, now: Callable[[], datetime], by_default: Faults = NO_FAULTS, seed: int | None = None) -> None:
        self.by_default = by_default
        self._now = now
        self._random = Random(seed)  # noqa: S311 - it chooses faults, not secrets
        self._settings: dict[str, FaultSetting] = {}

    def of(self, tenant_id: str | None) -> Faults:
        """Those of a tenant, by the id of its participant; the default for whoever is none or has set nothing."""
        setting = self._settings.get(tenant_id) if tenant_id is not None else None
        return self._in_effect(setting) if setting else self.by_default

    def _in_effect(self, setting: FaultSetting) -> Faults:
        if setting.outage is not None and self._now() < setting.outage.until:
            return setting.outage.faults
        return setting.faults or self.by_default

    def anybody_wants(self, fault: str) -> bool:
        return any(getattr(each, fault) for each in (self.by_default, *map(self._in_effect, self._settings.values())))

    def happens(self, percent: int) -> bool:
        """Whether something of this share happens now. Asks chance only where the share leaves it a choice."""
        return percent > 0 and (percent >= 100 or self._random.randrange(100) < percent)

    def choose(self, **percents: int) -> str | None:
        """One of several that exclude each other, or none: the shares are of the same whole."""
        if not any(percents.values()):
            return None
        drawn = self._random.randrange(100)
        for name, percent in percents.items():
            if drawn < percent:
                return name
            drawn -= percent
        return None

    def learn(self, settings: Iterable[FaultSetting]) -> None:
        """Take over settings, of whichever process; an older one than is known is ignored."""
        for each in settings:
            known = self._settings.get(each.id)
            if known is None or each.set_at >= known.set_at:
                self._settings[each.id] = each

    def forget(self, tenant_id: str) -> None:
        self._settings.pop(tenant_id, None)
