"""Whose each certificate is that an OCSP client asks about: who asks again costs no query."""

from collections import OrderedDict

from service.pki.ocsp import OcspRefused, parse_ocsp_request
from service.pki.parsing import format_serial
from service.revocation_status import Admit, RevocationStatus

KNOWN = 10_000  # serial numbers that are remembered: whose one is never changes


class Holders:
    def __init__(self, most: int = KNOWN) -> None:
        self._most = most
        self._known: OrderedDict[str, str | None] = OrderedDict()

    async def of(self, status: RevocationStatus, request: bytes, admit: Admit) -> str | None:
        """The participant whose certificate a request (DER) is about; None for nobody's.

        Raises what `admit` does, which is asked before a query, as for every answer that costs one.
        """
        try:
            serial = format_serial(parse_ocsp_request(request).serial)
        except OcspRefused:
            return None
        if serial not in self._known:
            admit()
            certificate = await status.find_certificate(serial)
            if certificate is None:
                return None
            self._known[serial] = certificate.participant_id
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return self._known[serial]
