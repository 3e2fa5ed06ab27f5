"""The ceremony at which the authority of a world is made: root, issuing authority, and what is written down of them.

Held once, on a machine that is not on the network in production. The root's key then goes into a safe; the service is
given the issuing key, and the root's fingerprint, which is copied from the minutes and not from the file.
"""

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from service.authority import root_points
from service.pki.authority import Rng, new_issuing, new_root
from service.pki.revocation_lists import build_revocation_list
from service.pki.signers import Signer, write_signer
from service.world import World

ROOT_KEY, ROOT_CERTIFICATE, ROOT_LIST = "root.key.pem", "root.crt.pem", "root.crl"
ISSUING_KEY, ISSUING_CERTIFICATE = "issuing.key.pem", "issuing.crt.pem"
ROOT_LIST_DAYS = 400
"""The root's list is signed by hand, about once a year."""


class AuthorityExists(Exception):
    """There is something where the ceremony would write: nothing is ever written over."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} is not empty: a ceremony never writes over what is there.")


@dataclass(frozen=True, slots=True)
class Minutes:
    """What is written down of a ceremony: SHA-256 fingerprints, lower-case hex, and how long each lasts."""

    directory: Path
    root_fingerprint: str
    root_not_after: datetime
    issuing_fingerprint: str
    issuing_not_after: datetime


def hold_ceremony(
    world: World,
    directory: Path,
    *,
    root_passphrase: bytes,
    issuing_passphrase: bytes,
    base_url: str,
    at: datetime,
    rng: Rng = secrets.token_bytes,
    beside: Mapping[str, bytes] = MappingProxyType({}),
) -> Minutes:
    """Make the authority of a world in `directory`, all of it or nothing. Keys are encrypted, and mode 0600.

    `base_url` is where /pki will be served; `beside` are further files to be kept with these. Raises AuthorityExists,
    and ValueError for an empty passphrase.
    """
    if not root_passphrase or not issuing_passphrase:
        raise ValueError("a ceremony's keys are encrypted: give a passphrase for each")
    if directory.exists() and any(directory.iterdir()):
        raise AuthorityExists(directory)
    root_key, key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
    root = new_root(world, root_key, at=at, rng=rng)
    points = root_points(base_url)
    issuing = new_issuing(world, key.public_key(), root=root, root_key=root_key, points=points, at=at, rng=rng)
    files = {
        ROOT_KEY: write_signer(root_key, root_passphrase),
        ROOT_CERTIFICATE: root.public_bytes(Encoding.PEM),
        ROOT_LIST: new_root_list(root, root_key, number=1, at=at),
        ISSUING_KEY: write_signer(key, issuing_passphrase),
        ISSUING_CERTIFICATE: issuing.public_bytes(Encoding.PEM),
    }
    _write(directory, {**files, **beside})
    return Minutes(
        directory,
        root.fingerprint(hashes.SHA256()).hex(),
        root.not_valid_after_utc,
        issuing.fingerprint(hashes.SHA256()).hex(),
        issuing.not_valid_after_utc,
    )


def new_root_list(root: x509.Certificate, key: Signer, *, number: int, at: datetime) -> bytes:
    """The root's revocation list (DER), on which no issuing authority stands."""
    return build_revocation_list(root, key, (), number=number, at=at, next_update=at + timedelta(days=ROOT_LIST_DAYS))


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    """Into a directory that appears whole. Of several who write at once, one wins. Raises AuthorityExists."""
    draft = directory.with_name(f".{directory.name}.{secrets.token_hex(4)}")
    draft.mkdir(mode=0o700, parents=True)
    try:
        for name, data in files.items():
            with os.fdopen(os.open(draft / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
        try:
            draft.replace(directory)
        except OSError:
            raise AuthorityExists(directory) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
