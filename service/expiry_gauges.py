"""How near the ends are, as gauges: of the certificates in their holders' hands, and of the authority's own."""

import math
from collections.abc import Sequence
from datetime import timedelta

from service.authority import Authority
from service.certificates import CertificateState
from service.clock import Clock
from service.http.metrics import Meter
from service.pagination import PageRequest
from service.storage.certificates import BY_EXPIRY, CertificateFilter, CertificateStore, certificate_query


class ExpiryGauges:
    def __init__(
        self,
        clock: Clock,
        meter: Meter,
        certificates: CertificateStore,
        authority: Authority | None,
        tiers: Sequence[int],
    ) -> None:
        self._clock = clock
        self._meter = meter
        self._certificates = certificates
        self._authority = authority
        self._tiers = tuple(tiers)

    async def measure(self) -> None:
        """One indexed count for each tier, and one look at the next to end."""
        now = self._clock.now()
        for tier in self._tiers:
            until = now + timedelta(days=tier + 1)
            wanted = CertificateFilter(state=CertificateState.ISSUED, expires_from=now, expires_before=until)
            self._meter.expiring(tier, await self._certificates.count(certificate_query(wanted, None, now)))
        living = CertificateFilter(state=CertificateState.ISSUED, expires_from=now)
        page = await self._certificates.page(PageRequest(BY_EXPIRY, 1), certificate_query(living, None, now))
        left = (page.items[0].not_after - now).total_seconds() if page.items else math.inf
        self._meter.seconds_to_expiry("certificate", left)
        if self._authority is not None:
            issuing, root = self._authority.issuing.certificate, self._authority.root
            self._meter.seconds_to_expiry("issuing", (issuing.not_valid_after_utc - now).total_seconds())
            self._meter.seconds_to_expiry("root", (root.not_valid_after_utc - now).total_seconds())
