"""The issuing authority of a world as it runs: opened from settings, it signs, and verifies what comes in (art. 13).

Without one a service does everything but issue. The root's key is never here: it is kept offline (`ceremony`).
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from service.pki.authority import Intent, IssuingAuthority, Order, StatusPoints
from service.pki.chain import ChainRules, ChainStatus, ChainVerdict, ChainVerifier, rules_of
from service.pki.parsing import CertificateFacts, read_certificate
from service.pki.profiles import PROFILE_RULES, Profile
from service.pki.signers import Signer, SigningKeyUnusable, read_signer
from service.settings import Settings
from service.world import World

T = TypeVar("T")

LIST_PATH = "/pki/crl/issuing.crl"
ROOT_LIST_PATH = "/pki/crl/root.crl"
OCSP_PATH = "/pki/ocsp"
ISSUER_PATH = "/pki/issuing.cer"
ROOT_PATH = "/pki/root.cer"
CHAIN_PATH = "/pki/chain.pem"


def status_points(base: str) -> StatusPoints:
    """What operators' certificates say of where their status is told."""
    return StatusPoints(base + LIST_PATH, base + OCSP_PATH, base + ISSUER_PATH)


def root_points(base: str) -> StatusPoints:
    """The same for the issuing authority's own certificate, of which the root's list tells. There is no OCSP for it."""
    return StatusPoints(base + ROOT_LIST_PATH, base + OCSP_PATH, base + ROOT_PATH)


class Authority:
    """One issuing authority below a pinned root. Its key signs on one thread: a token takes one at a time."""

    def __init__(
        self,
        issuing: IssuingAuthority,
        root: x509.Certificate,
        pins: frozenset[str],
        root_list: bytes | None = None,
    ) -> None:
        """Raises CertificateError for a root that is not pinned."""
        self.issuing = issuing
        self.root = root
        self.root_list = root_list
        self.issuer = read_certificate(issuing.certificate).subject
        self._verifiers = {
            profile: ChainVerifier(rules_of(issuing.world, profile), [root], pins) for profile in Profile
        }
        self._signing = ThreadPoolExecutor(1, thread_name_prefix="signing")

    @property
    def chain_pem(self) -> str:
        """The issuing authority's certificate, then the root's."""
        return "".join(each.public_bytes(Encoding.PEM).decode() for each in (self.issuing.certificate, self.root))

    def prepare(self, order: Order, at: datetime) -> Intent:
        """What is to be signed. Raises CertificateError, as `IssuingAuthority.prepare`."""
        return self.issuing.prepare(order, at=at, rng=secrets.token_bytes)

    async def sign(self, intent: Intent) -> CertificateFacts:
        """The certificate of an intent. Raises SigningKeyUnusable."""
        return read_certificate(await self.on_signing_thread(lambda: self.issuing.sign(intent)))

    async def on_signing_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._signing, work)

    def verify(self, facts: CertificateFacts, profile: Profile, at: datetime) -> None:
        """Raises CertificateError unless the certificate is this authority's, of this profile, and in date."""
        self._verifiers[profile].verify(facts, [self.issuing.certificate], at)

    def close(self) -> None:
        self._signing.shutdown(wait=True)


class OutsideAuthorities:
    """Authorities elsewhere whose certificates are registered here. They know no policy of ours; usages are ours.

    `neighbours`: authorities of the other world. Nothing of theirs is registered; what they signed is known as theirs.
    """

    def __init__(
        self, world: World, roots: Sequence[x509.Certificate], neighbours: Sequence[x509.Certificate] = ()
    ) -> None:
        known = [*roots, *neighbours]
        pins = {_fingerprint(each) for each in known}
        self._verifiers = {
            profile: ChainVerifier(_outside_rules(world, profile), roots, pins) for profile in Profile if roots
        }
        self._attesting = ChainVerifier(_ATTESTED, known, pins) if known else None

    def judge(
        self, facts: CertificateFacts, profile: Profile, intermediates: Sequence[x509.Certificate], at: datetime
    ) -> ChainVerdict | None:
        """What verification finds; None where no outside authority is trusted at all."""
        verifier = self._verifiers.get(profile)
        return verifier.judge(facts, intermediates, at) if verifier else None

    def attest(self, facts: CertificateFacts, intermediates: Sequence[x509.Certificate]) -> bool:
        """Whether an authority that is known here, of either world, signed this when its life began.

        Then the key is whose the certificate says. Not checked: what it may be used for, where, and if it still may.
        """
        if self._attesting is None:
            return False
        return self._attesting.judge(facts, intermediates, facts.not_before).status is ChainStatus.VERIFIED


_OUTSIDE_DAYS = 3 * 366  # three years are common with the financial authorities
_ATTESTED = ChainRules("attested", frozenset(), frozenset(), max_days=_OUTSIDE_DAYS, max_authorities=2)


def _outside_rules(world: World, profile: Profile) -> ChainRules:
    rule = PROFILE_RULES[profile]
    own = rules_of(world, profile)
    needed = rule.key_usages | ({rule.extended_key_usage.dotted_string} if profile is Profile.LOGIN else set())
    return ChainRules(
        name=profile.value,
        policies=frozenset(),
        usages=frozenset(needed),
        foreign_policies=own.foreign_policies,
        forbidden_usages=frozenset(),
        max_days=_OUTSIDE_DAYS,
        max_authorities=2,
    )


@contextmanager
def open_authority(settings: Settings, world: World) -> Iterator[Authority | None]:
    """The authority that the settings name; None if they name none.

    Raises SigningKeyUnusable or CertificateError where key, certificate, root and world do not fit, or a file cannot be
    read.
    """
    if settings.issuing_certificate_file is None or settings.root_certificates_file is None:
        yield None
        return
    certificate = load_certificates(settings.issuing_certificate_file)[0]
    root = _root_of(certificate, load_certificates(settings.root_certificates_file))
    base = settings.pki_url or settings.public_url
    root_list = _read(settings.root_revocation_list_file) if settings.root_revocation_list_file else None
    with ExitStack() as stack:
        key = _open_signer(settings, stack)
        issuing = IssuingAuthority(world, certificate, key, status_points(base))
        authority = Authority(issuing, root, frozenset(settings.root_fingerprints), root_list)
        stack.callback(authority.close)
        yield authority


def open_outside(settings: Settings, world: World) -> OutsideAuthorities:
    """The authorities elsewhere that the settings name. Raises SigningKeyUnusable for a file that holds none."""
    outside, neighbours = settings.outside_root_certificates_file, settings.neighbour_certificates_file
    return OutsideAuthorities(
        world, load_certificates(outside) if outside else (), load_certificates(neighbours) if neighbours else ()
    )


def load_certificates(file: Path) -> list[x509.Certificate]:
    """Those of a PEM file, one at least. Raises SigningKeyUnusable, which names the file."""
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except ValueError:
        raise SigningKeyUnusable(f"{file.name} holds no certificate in PEM.") from None


def read_blocked_keys(file: Path | None) -> frozenset[str]:
    """The hashes in a file of keys never to be certified; lines that begin with # are comments.

    Raises SigningKeyUnusable for a line that is no SHA-256, since a list that is half read protects from nothing.
    """
    text = _read(file).decode("ascii", "replace") if file else ""
    lines = [line.strip().lower() for line in text.splitlines()]
    hashes_found = [line for line in lines if line and not line.startswith("#")]
    if not all(re.fullmatch(r"[0-9a-f]{64}", line) for line in hashes_found):
        raise SigningKeyUnusable("The file of blocked keys has a line that is not a SHA-256 in hexadecimal.")
    return frozenset(hashes_found)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SigningKeyUnusable(f"{file} cannot be read: {error.strerror}.") from None


def _open_signer(settings: Settings, stack: ExitStack) -> Signer:
    if settings.issuing_key_module is not None:
        from service.pki.pkcs11_signers import open_pkcs11_signer  # noqa: PLC0415 - an extra that few install

        pin = settings.issuing_key_pin.get_secret_value() if settings.issuing_key_pin else ""
        token, label = settings.issuing_key_token or "", settings.issuing_key_label or ""
        return stack.enter_context(open_pkcs11_signer(str(settings.issuing_key_module), token, label, pin))
    if settings.issuing_key is None or settings.issuing_key_passphrase is None:
        raise SigningKeyUnusable("The issuing authority has a certificate, but no key and passphrase, or token.")
    pem, passphrase = settings.issuing_key.get_secret_value(), settings.issuing_key_passphrase.get_secret_value()
    return read_signer(pem.encode(), passphrase.encode())


def _root_of(certificate: x509.Certificate, roots: Sequence[x509.Certificate]) -> x509.Certificate:
    for root in roots:
        with suppress(InvalidSignature, ValueError, TypeError):
            certificate.verify_directly_issued_by(root)
            return root
    raise SigningKeyUnusable("None of the roots has issued the issuing authority's certificate.")


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()
