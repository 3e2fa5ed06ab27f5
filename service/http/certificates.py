"""Where machines ask for the status of certificates: revocation lists, OCSP, and the authority's own certificates.

All public, and all may be cached: lists and answers for a second, so that what is revoked is known to all a second
later (each names its own `nextUpdate` for those who keep it longer), certificates for an hour.
"""

import hashlib
from collections.abc import Awaitable, Callable
from email.utils import format_datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from service.authority import CHAIN_PATH, ISSUER_PATH, LIST_PATH, OCSP_PATH, ROOT_LIST_PATH, ROOT_PATH, Authority
from service.errors import RateLimited, ServiceError, Unavailable
from service.http.addresses import address_of
from service.http.bodies import BodyRefused, read_body
from service.http.rate_limits import Limiter
from service.pki.ocsp import MALFORMED_REQUEST, MAX_REQUEST_BYTES, TRY_LATER, OcspRefused, decode_ocsp_path
from service.revocation_status import Admit, OcspAnswer, RevocationStatus, admit_all
from service.storage.errors import as_service_error

BRIEFLY = "public, max-age=1, must-revalidate"
FOR_AN_HOUR = "public, max-age=3600"
LIST_TYPE, CERTIFICATE_TYPE, OCSP_TYPE = "application/pkix-crl", "application/pkix-cert", "application/ocsp-response"
REQUEST_TYPE, CHAIN_TYPE = "application/ocsp-request", "application/pem-certificate-chain"
NOT_KEPT = {"Cache-Control": "no-store"}

Find = Callable[[], RevocationStatus | None]
Answering = Callable[[RevocationStatus, bytes, Admit], Awaitable[OcspAnswer]]
"""Answers an OCSP request. What is Unavailable, the database too, or RateLimited says tryLater."""


def certificate_routes(
    find: Find, answering: Answering = RevocationStatus.answer, *, limiter: Limiter | None = None
) -> list[Route]:
    """The routes. `find` is asked at each request; it answers None where there is no authority. `limiter` bounds how
    many OCSP answers are signed for one address; those that are kept already are for everybody."""
    told = _Told(find, answering, limiter)
    return [
        Route(LIST_PATH, told.issuing_list),
        Route(ROOT_LIST_PATH, told.fixed(lambda authority: authority.root_list, LIST_TYPE)),
        Route(OCSP_PATH, told.ocsp_post, methods=["POST"]),
        Route(f"{OCSP_PATH}/{{path:path}}", told.ocsp_get),
        Route(ISSUER_PATH, told.fixed(lambda authority: _der(authority.issuing.certificate), CERTIFICATE_TYPE)),
        Route(ROOT_PATH, told.fixed(lambda authority: _der(authority.root), CERTIFICATE_TYPE)),
        Route(CHAIN_PATH, told.fixed(lambda authority: authority.chain_pem.encode(), CHAIN_TYPE)),
    ]


class _Told:
    def __init__(self, find: Find, answering: Answering, limiter: Limiter | None) -> None:
        self._find = find
        self._answering = answering
        self._limiter = limiter

    async def issuing_list(self, request: Request) -> Response:
        status = self._find()
        if status is None:
            return _no_authority()
        try:
            newest = status.current
        except Unavailable as error:
            return PlainTextResponse(error.message, 503, headers={"Retry-After": "1", **NOT_KEPT})
        headers = {
            "Cache-Control": BRIEFLY,
            "ETag": f'"{newest.number}"',
            "Last-Modified": format_datetime(newest.this_update, usegmt=True),
            "Expires": format_datetime(newest.next_update, usegmt=True),
        }
        return _unless_known(request, headers, newest.data, LIST_TYPE)

    async def ocsp_post(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != REQUEST_TYPE:
            return PlainTextResponse(f"The request must be {REQUEST_TYPE}.", 415, headers=NOT_KEPT)
        try:
            asked = await read_body(request.receive, MAX_REQUEST_BYTES)
        except BodyRefused as refused:
            if refused.status == 408:
                return PlainTextResponse(refused.message, 408, headers={"Connection": "close", **NOT_KEPT})
            return Response(MALFORMED_REQUEST, media_type=OCSP_TYPE, headers=NOT_KEPT)
        return await self._ocsp(request, asked, NOT_KEPT)

    async def ocsp_get(self, request: Request) -> Response:
        try:
            asked = decode_ocsp_path(request.path_params["path"])
        except OcspRefused as refused:
            return Response(refused.answer, media_type=OCSP_TYPE, headers=NOT_KEPT)
        return await self._ocsp(request, asked, {"Cache-Control": BRIEFLY})

    async def _ocsp(self, request: Request, asked: bytes, headers: dict[str, str]) -> Response:
        status = self._find()
        if status is None:
            return _no_authority()
        try:
            answer = await self._answering(status, asked, self._admission_of(request))
        except Exception as error:
            known = error if isinstance(error, ServiceError) else as_service_error(error)
            if not isinstance(known, Unavailable | RateLimited):
                raise
            later = {"Retry-After": str(known.extensions.get("retryAfter", 1))}
            return Response(TRY_LATER, media_type=OCSP_TYPE, headers=NOT_KEPT | later)
        if not answer.shareable:
            headers = NOT_KEPT
        return Response(answer.data, media_type=OCSP_TYPE, headers=headers)

    def _admission_of(self, request: Request) -> Admit:
        limiter, address = self._limiter, address_of(request.scope)
        return admit_all if limiter is None else lambda: limiter.ensure_within(address)

    def fixed(
        self, read: Callable[[Authority], bytes | None], media_type: str
    ) -> Callable[[Request], Awaitable[Response]]:
        """A page that stays as it is for as long as the authority does."""

        async def serve(request: Request) -> Response:
            status = self._find()
            data = read(status.authority) if status else None
            if data is None:
                return _no_authority()
            headers = {"Cache-Control": FOR_AN_HOUR, "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'}
            return _unless_known(request, headers, data, media_type)

        return serve


def _unless_known(request: Request, headers: dict[str, str], data: bytes, media_type: str) -> Response:
    known = {each.strip() for each in request.headers.get("if-none-match", "").split(",")}
    if headers["ETag"] in known:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _no_authority() -> Response:
    return PlainTextResponse("This service has no authority of its own.", 404, headers=NOT_KEPT)
