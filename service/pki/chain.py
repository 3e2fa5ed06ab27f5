"""Whether a certificate comes from an authority that is trusted here, for a use that it may be put to.

Production and sandbox, our own authority and outside ones run the same steps; what differs is a `ChainRules`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from service.pki.errors import CertificateError, refusing
from service.pki.parsing import CertificateFacts, read_certificate
from service.pki.profiles import MAX_DAYS, PROFILE_RULES, Profile
from service.refusals import RefusalCode
from service.world import World

MAX_INTERMEDIATES = 8


class ChainStatus(StrEnum):
    VERIFIED = "VERIFIED"
    UNSUPPORTED_ALGORITHM = "UNSUPPORTED_ALGORITHM"  # shown with its facts, never as valid
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What `ChainVerifier.judge` found; `error` is None exactly for VERIFIED."""

    status: ChainStatus
    error: CertificateError | None


@dataclass(frozen=True, slots=True)
class ChainRules:
    """What one use asks of a chain.

    `policies`: every certificate of the chain must have one of them; empty asks for none. `usages` and
    `forbidden_usages` hold dotted OIDs of extended key usages and RFC 5280's names of key usages.
    """

    name: str
    policies: frozenset[str]
    usages: frozenset[str]
    foreign_policies: frozenset[str] = frozenset()
    forbidden_usages: frozenset[str] = frozenset()
    max_days: int = MAX_DAYS
    max_authorities: int = 1  # between the leaf and the root


def rules_of(world: World, profile: Profile) -> ChainRules:
    """The rules of our own authority: the world's policy throughout, and the usages of one profile but of no other."""
    usages = {each: rule.key_usages | {rule.extended_key_usage.dotted_string} for each, rule in PROFILE_RULES.items()}
    others = frozenset().union(*usages.values()) - usages[profile]
    return ChainRules(
        name=profile.value,
        policies=frozenset({world.policy_oid}),
        usages=usages[profile],
        foreign_policies=frozenset({world.neighbour.policy_oid}),
        forbidden_usages=others - {"digitalSignature"},
    )


class ChainVerifier:
    """Verifies chains under one set of rules up to pinned roots. Made once, used for many certificates.

    Not checked: revocation, the holder, whether the key is blocked.
    """

    def __init__(self, rules: ChainRules, roots: Sequence[x509.Certificate], pins: Collection[str]) -> None:
        """`pins` are the lower-case SHA-256 fingerprints of the roots as they were written down at the ceremony.

        Raises CertificateError for a root that is not pinned.
        """
        if not all(_fingerprint(root) in pins for root in roots):
            raise CertificateError(RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED)
        self.rules = rules
        self._roots = tuple(roots)
        self._policy = (
            PolicyBuilder()
            .store(Store(list(roots)))
            .max_chain_depth(rules.max_authorities)
            .extension_policies(
                ca_policy=self._with_policies(ExtensionPolicy.webpki_defaults_ca()),
                ee_policy=self._with_policies(ExtensionPolicy.webpki_defaults_ee())
                .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None)
                .may_be_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None),
            )
        )

    def verify(
        self, leaf: CertificateFacts, intermediates: Sequence[x509.Certificate], at: datetime
    ) -> tuple[x509.Certificate, ...]:
        """The chain from the leaf to a pinned root, as of `at`. Raises CertificateError with the first reason found."""
        # 1. Every algorithm can be verified: an SM2 certificate is never valid here.
        if leaf.unverifiable:
            raise CertificateError(RefusalCode.CERTIFICATE_ALGORITHM_UNSUPPORTED, algorithm=leaf.unverifiable)
        # 2. It is not of the other world (art. 17).
        self._ensure_our_world(leaf)
        # 3. It is valid at `at`, both ends included (RFC 5280, 4.1.2.5), and not longer than the rules allow.
        _ensure_dates(leaf, at, self.rules.max_days)
        # 4. It is not itself an authority.
        if leaf.is_authority or "keyCertSign" in leaf.key_usages:
            raise CertificateError(RefusalCode.CERTIFICATE_IS_AUTHORITY)
        # 5. A path leads to a pinned root, with the policy of this world on every certificate of it.
        chain = self._build(leaf, intermediates, at)
        # 6. It may be used for this, and for nothing that must be kept apart from this.
        self._ensure_usages(leaf)
        return chain

    def judge(self, leaf: CertificateFacts, intermediates: Sequence[x509.Certificate], at: datetime) -> ChainVerdict:
        """The same, as a verdict to show."""
        try:
            self.verify(leaf, intermediates, at)
        except CertificateError as error:
            unsupported = error.reason is RefusalCode.CERTIFICATE_ALGORITHM_UNSUPPORTED
            return ChainVerdict(ChainStatus.UNSUPPORTED_ALGORITHM if unsupported else ChainStatus.REFUSED, error)
        return ChainVerdict(ChainStatus.VERIFIED, None)

    def _build(
        self, leaf: CertificateFacts, intermediates: Sequence[x509.Certificate], at: datetime
    ) -> tuple[x509.Certificate, ...]:
        if len(intermediates) > MAX_INTERMEDIATES:
            raise CertificateError(RefusalCode.CERTIFICATE_CHAIN_INVALID, detail="too many certificates")
        verifier = self._policy.time(at).build_client_verifier()
        with refusing(RefusalCode.CERTIFICATE_CHAIN_INVALID):
            try:
                return tuple(verifier.verify(leaf.certificate, list(intermediates)).chain)
            except VerificationError as error:
                self._diagnose(leaf, intermediates, at)
                raise CertificateError(RefusalCode.CERTIFICATE_CHAIN_INVALID, detail=_sentence(error)) from None

    def _diagnose(self, leaf: CertificateFacts, intermediates: Sequence[x509.Certificate], at: datetime) -> None:
        """Climb from a refused certificate, and raise the reason if one is found. This accepts nothing."""
        subject = leaf
        for authorities in range(MAX_INTERMEDIATES + 1):
            self._ensure_policy(subject)
            issuer = _find_issuer(subject.certificate, (*self._roots, *intermediates))
            if issuer is None:
                top = subject is not leaf
                code = RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED if top else RefusalCode.CERTIFICATE_ISSUER_UNKNOWN
                raise CertificateError(code, issuer=subject.issuer)
            above = read_certificate(issuer)
            self._ensure_our_world(above)
            if not above.is_authority or "keyCertSign" not in above.key_usages:
                raise CertificateError(RefusalCode.CERTIFICATE_ISSUER_NOT_AUTHORITY, issuer=subject.issuer)
            if not above.not_before <= at <= above.not_after:
                raise CertificateError(RefusalCode.CERTIFICATE_ISSUER_EXPIRED, issuer=subject.issuer)
            if issuer in self._roots:
                if authorities > self.rules.max_authorities:
                    detail = f"{authorities} authorities below the root, where {self.rules.max_authorities} may be"
                    raise CertificateError(RefusalCode.CERTIFICATE_CHAIN_INVALID, detail=detail)
                return
            if above.subject == above.issuer:
                raise CertificateError(RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED)
            subject = above

    def _with_policies(self, policy: ExtensionPolicy) -> ExtensionPolicy:
        """certificatePolicies is critical in our certificates, so the library asks that somebody looks at it."""
        if not self.rules.policies:
            return policy.may_be_present(x509.CertificatePolicies, Criticality.AGNOSTIC, None)
        return policy.require_present(x509.CertificatePolicies, Criticality.AGNOSTIC, self._check_policies)

    def _check_policies(self, _: Policy, __: x509.Certificate, found: x509.CertificatePolicies) -> None:
        if self.rules.policies.isdisjoint(each.policy_identifier.dotted_string for each in found):
            raise ValueError("certificate policy missing")

    def _ensure_policy(self, facts: CertificateFacts) -> None:
        if self.rules.policies and self.rules.policies.isdisjoint(facts.policies):
            wanted = ", ".join(sorted(self.rules.policies))
            raise CertificateError(RefusalCode.CERTIFICATE_POLICY_MISSING, wanted=wanted)

    def _ensure_our_world(self, facts: CertificateFacts) -> None:
        if not self.rules.foreign_policies.isdisjoint(facts.policies):
            raise CertificateError(RefusalCode.CERTIFICATE_FOREIGN_WORLD)

    def _ensure_usages(self, leaf: CertificateFacts) -> None:
        found = leaf.key_usages.union(leaf.extended_key_usages)
        if not self.rules.usages <= found or found & self.rules.forbidden_usages:
            wanted = ", ".join(sorted(self.rules.usages))
            raise CertificateError(RefusalCode.CERTIFICATE_USAGE_WRONG, profile=self.rules.name, wanted=wanted)


def _ensure_dates(leaf: CertificateFacts, at: datetime, max_days: int) -> None:
    if at < leaf.not_before:
        raise CertificateError(RefusalCode.CERTIFICATE_NOT_YET_VALID, not_before=leaf.not_before.isoformat())
    if at > leaf.not_after:
        raise CertificateError(RefusalCode.CERTIFICATE_EXPIRED, not_after=leaf.not_after.isoformat())
    days = (leaf.not_after - leaf.not_before).days + 1
    if days > max_days:
        raise CertificateError(RefusalCode.CERTIFICATE_LIFE_TOO_LONG, days=days, limit=max_days)


def _find_issuer(certificate: x509.Certificate, candidates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """The candidate that signed it. A name alone makes no issuer."""
    for candidate in candidates:
        try:
            certificate.verify_directly_issued_by(candidate)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            continue
        return candidate
    return None


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _sentence(error: VerificationError) -> str:
    return str(error).split("(")[0].strip()[:120] or "no path"
