"""Who a certificate names and what it may be used for. Names come from our records, never from a request (art. 13)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from service.pki.errors import CertificateError
from service.pki.parsing import CertificateFacts
from service.refusals import RefusalCode
from service.world import World

MAX_DAYS = 398
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
_LONGEST_UNIT = 64  # ub-organizational-unit-name, RFC 5280, appendix A


class Profile(StrEnum):
    LOGIN = "LOGIN"  # to come in: client authentication
    SEAL = "SEAL"  # to sign business with, and be bound by it


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """The usages a profile's certificates have, all of them and no others."""

    extended_key_usage: x509.ObjectIdentifier
    key_usages: frozenset[str]


PROFILE_RULES = {
    Profile.LOGIN: ProfileRule(ExtendedKeyUsageOID.CLIENT_AUTH, frozenset({"digitalSignature"})),
    Profile.SEAL: ProfileRule(_DOCUMENT_SIGNING, frozenset({"digitalSignature", "contentCommitment"})),
}


@dataclass(frozen=True, slots=True)
class OperatorHolder:
    """An operator of a participant: the person whose acts are the institution's (art. 12)."""

    participant_code: str
    operator_number: str

    def __str__(self) -> str:
        return f"participant:{self.participant_code}:operator:{self.operator_number}"


@dataclass(frozen=True, slots=True)
class RegistrarHolder:
    """One of the depository's own staff."""

    number: str

    def __str__(self) -> str:
        return f"registrar:{self.number}"


Holder = OperatorHolder | RegistrarHolder

_URN = re.compile(
    r"urn:prop:(?P<world>[a-z]{1,16}):"
    r"(?:participant:(?P<code>[0-9A-Z]{1,16}):operator:(?P<operator>[0-9]{1,16})|registrar:(?P<registrar>[0-9A-Z]{1,32}))"
)


def holder_urn(world: World, holder: Holder) -> str:
    """`urn:prop:<world>:participant:<code>:operator:<number>`; ValueError for what no URN can carry."""
    urn = f"urn:prop:{world.name}:{holder}"
    if _URN.fullmatch(urn) is None:
        raise ValueError(f"{holder} cannot be written as a URN")
    return urn


def parse_holder_urn(world: World, urn: str) -> Holder:
    """The holder that a URN of this world names. Says nothing of whether there is such a holder.

    Raises CertificateError: the other world's URN, or none at all.
    """
    match = _URN.fullmatch(urn)
    if match is None:
        raise CertificateError(RefusalCode.CERTIFICATE_HOLDER_UNREADABLE)
    if match["world"] == world.neighbour.environment.value.lower():
        raise CertificateError(RefusalCode.CERTIFICATE_FOREIGN_WORLD)
    if match["world"] != world.name:
        raise CertificateError(RefusalCode.CERTIFICATE_HOLDER_UNREADABLE)
    if match["registrar"]:
        return RegistrarHolder(match["registrar"])
    return OperatorHolder(match["code"], match["operator"])


def holder_of(world: World, facts: CertificateFacts) -> Holder:
    """The one holder a certificate of this world names. Not checked: who signed it; verify the chain first."""
    if len(facts.alternative_names) != 1:
        raise CertificateError(RefusalCode.CERTIFICATE_HOLDER_UNREADABLE)
    return parse_holder_urn(world, facts.alternative_names[0].removeprefix("URI:"))


def ensure_held_by(world: World, facts: CertificateFacts, holder: Holder) -> None:
    """Refuse a certificate of anybody else, be the names in its subject the same (art. 13)."""
    found = holder_of(world, facts)
    if found != holder:
        raise CertificateError(RefusalCode.CERTIFICATE_OF_ANOTHER_HOLDER, found=str(found), wanted=str(holder))


def subject_of(world: World, holder: Holder, legal_name: str) -> x509.Name:
    """The subject for people to read; long names are cut. Programs read the holder's URN instead."""
    if isinstance(holder, OperatorHolder):
        code, number = holder.participant_code, holder.operator_number
        own = [x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, code)]
        common_name = f"{code} {number}"
    else:
        number, own, common_name = holder.number, [], f"Registrar {holder.number}"
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, world.organization),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, legal_name[:_LONGEST_UNIT]),
            *own,
            x509.NameAttribute(NameOID.SERIAL_NUMBER, number),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def key_usage(*names: str) -> x509.KeyUsage:
    """The extension with these of RFC 5280's key usages."""
    return x509.KeyUsage(
        digital_signature="digitalSignature" in names,
        content_commitment="contentCommitment" in names,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign="keyCertSign" in names,
        crl_sign="cRLSign" in names,
        encipher_only=False,
        decipher_only=False,
    )


def policy_of(world: World) -> x509.CertificatePolicies:
    """The mark of the world, on every certificate of it, authorities included."""
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(world.policy_oid), None)])
