"""Issue, verify a chain, answer OCSP: per second, against bare `cryptography` doing the same in the same run.

    python -m tests.bench.pki_throughput [SECONDS]

Ours and the bare way take turns, so that a noisy machine is noisy for both. Fails if verifying or answering does less
than 0.7 of what the bare way does.
"""

import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store

from service.pki.authority import IssuingAuthority, Order, StatusPoints, new_issuing, new_root
from service.pki.chain import ChainVerifier, rules_of
from service.pki.keys import facts_of
from service.pki.ocsp import Good, Responder, parse_ocsp_request
from service.pki.parsing import parse_certificate
from service.pki.profiles import OperatorHolder, Profile
from service.world import PRODUCTION

AT = datetime(2026, 11, 22, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
FLOOR = {"verify": 0.7, "ocsp": 0.7}
ROUNDS = 7
RNG = secrets.token_bytes
ROOT_KEY, KEY = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
PUBLIC = ec.generate_private_key(ec.SECP256R1()).public_key()
POINTS = StatusPoints("http://pki.example/crl", "http://pki.example/ocsp", "http://pki.example/cer")
ROOT = new_root(PRODUCTION, ROOT_KEY, at=AT, rng=RNG)
ISSUER = new_issuing(PRODUCTION, KEY.public_key(), root=ROOT, root_key=ROOT_KEY, points=POINTS, at=AT, rng=RNG)
AUTHORITY = IssuingAuthority(PRODUCTION, ISSUER, KEY, POINTS)
ORDER = Order(Profile.LOGIN, OperatorHolder("ABC001", "000001"), "Broker", facts_of(PUBLIC))
LEAF = AUTHORITY.issue(ORDER, at=AT, rng=RNG)
DER = LEAF.public_bytes(Encoding.DER)
ASKED = (
    ocsp.OCSPRequestBuilder()
    .add_certificate(LEAF, ISSUER, hashes.SHA256())
    .add_extension(x509.OCSPNonce(bytes(32)), critical=False)
    .build()
    .public_bytes(Encoding.DER)
)
POLICIES = (
    PolicyBuilder()
    .store(Store([ROOT]))
    .extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca().may_be_present(
            x509.CertificatePolicies, Criticality.AGNOSTIC, None
        ),
        ee_policy=ExtensionPolicy.webpki_defaults_ee().may_be_present(
            x509.CertificatePolicies, Criticality.AGNOSTIC, None
        ),
    )
)


def bare_issue() -> x509.Certificate:
    serial, end = x509.random_serial_number(), AT + timedelta(days=398)
    builder = x509.CertificateBuilder(ISSUER.subject, LEAF.subject, PUBLIC, serial, AT, end)
    for extension in LEAF.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(KEY, hashes.SHA256())


def bare_verify(leaf: x509.Certificate = LEAF) -> object:
    return POLICIES.time(AT).build_client_verifier().verify(leaf, [ISSUER])


def bare_answer() -> bytes:
    question = ocsp.load_der_ocsp_request(ASKED)
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        question.issuer_name_hash,
        question.issuer_key_hash,
        question.serial_number,
        question.hash_algorithm,
        ocsp.OCSPCertStatus.GOOD,
        AT,
        LATER,
        None,
        None,
    )
    nonce = question.extensions.get_extension_for_class(x509.OCSPNonce).value
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, ISSUER).add_extension(nonce, critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


Work = Callable[[], object]
FACTS = parse_certificate(DER)
VERIFIER = ChainVerifier(rules_of(PRODUCTION, Profile.LOGIN), [ROOT], {ROOT.fingerprint(hashes.SHA256()).hex()})
RESPONDER = Responder(ISSUER, KEY)
MEASURES: dict[str, tuple[Work, Work]] = {
    "issue": (lambda: AUTHORITY.issue(ORDER, at=AT, rng=RNG), bare_issue),
    "verify": (lambda: VERIFIER.verify(FACTS, [ISSUER], AT), bare_verify),
    "verify from DER": (
        lambda: VERIFIER.verify(parse_certificate(DER), [ISSUER], AT),
        lambda: bare_verify(x509.load_der_x509_certificate(DER)),
    ),
    "ocsp": (
        lambda: RESPONDER.answer(parse_ocsp_request(ASKED), Good(), at=AT, next_update=LATER),
        bare_answer,
    ),
}


def rate(work: Work, seconds: float) -> float:
    done, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        for _ in range(20):
            work()
        done += 20
    return done / elapsed


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 7.0
    too_slow = []
    for name, (ours, bare) in MEASURES.items():
        pairs = [(rate(ours, seconds / ROUNDS / 2), rate(bare, seconds / ROUNDS / 2)) for _ in range(ROUNDS)]
        share = median(mine / theirs for mine, theirs in pairs)
        mine, theirs = (median(column) for column in zip(*pairs, strict=True))
        print(f"{name:16} {mine:8.0f}/s   bare {theirs:8.0f}/s   {share:.2f}")
        if share < FLOOR.get(name, 0):
            too_slow.append(name)
    if too_slow:
        print(f"slower than the floor: {', '.join(too_slow)}", file=sys.stderr)
    return 1 if too_slow else 0


if __name__ == "__main__":
    raise SystemExit(main())
