"""A world's authority made for tests, and what is needed to verify what it makes."""

import random
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from service.pki.authority import IssuingAuthority, Order, StatusPoints, new_issuing, new_root
from service.pki.chain import ChainVerifier, rules_of
from service.pki.keys import facts_of
from service.pki.parsing import CertificateFacts, read_certificate
from service.pki.profiles import Holder, OperatorHolder, Profile
from service.world import PRODUCTION, Environment, World
from tests.service.pki.making import AT, KEY

RNG = random.Random(29).randbytes
HOLDER = OperatorHolder("ABC001", "000001")
POINTS = StatusPoints("http://pki.example/issuing.crl", "http://pki.example/ocsp", "http://pki.example/issuing.cer")
TRYOUT = replace(  # a world like the sandbox's, which tests of the service may not import
    PRODUCTION,
    environment=Environment.SANDBOX,
    binding=False,
    notice="not binding",
    organization="PROP SANDBOX - NOT BINDING",
    policy_oid=PRODUCTION.neighbour.policy_oid,
    neighbour=replace(PRODUCTION.neighbour, environment=Environment.PRODUCTION, policy_oid=PRODUCTION.policy_oid),
)


@dataclass(frozen=True)
class Ceremony:
    """A root, its key, and the issuing authority below it."""

    root: x509.Certificate
    root_key: ec.EllipticCurvePrivateKey
    issuing: IssuingAuthority

    @property
    def pins(self) -> frozenset[str]:
        return frozenset({self.root.fingerprint(hashes.SHA256()).hex()})

    def verifier(self, profile: Profile = Profile.LOGIN) -> ChainVerifier:
        return ChainVerifier(rules_of(self.issuing.world, profile), [self.root], self.pins)

    def issue(
        self,
        profile: Profile = Profile.LOGIN,
        holder: Holder = HOLDER,
        key: ec.EllipticCurvePrivateKey = KEY,
        at: datetime = AT,
        days: int = 398,
    ) -> CertificateFacts:
        order = Order(profile, holder, "某证券股份有限公司", facts_of(key.public_key()), days)
        return read_certificate(self.issuing.issue(order, at=at, rng=RNG))


def make_ceremony(world: World = PRODUCTION, at: datetime = AT, *, years: int = 6) -> Ceremony:
    root_key, key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
    root = new_root(world, root_key, at=at, rng=RNG)
    certificate = new_issuing(
        world, key.public_key(), root=root, root_key=root_key, points=POINTS, at=at, rng=RNG, years=years
    )
    return Ceremony(root, root_key, IssuingAuthority(world, certificate, key, POINTS))
