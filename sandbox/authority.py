"""The sandbox's own authority: a root and an issuing authority made at the first start, named NOT BINDING (art. 17).

What the sandbox certifies is certified nowhere else, so all of it may lie in one directory, passphrases included.
"""

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sandbox.world import SANDBOX
from service.ceremony import (
    ISSUING_CERTIFICATE,
    ISSUING_KEY,
    ROOT_CERTIFICATE,
    ROOT_KEY,
    ROOT_LIST,
    AuthorityExists,
    hold_ceremony,
    new_root_list,
)
from service.pki.profiles import MAX_DAYS
from service.pki.signers import read_signer

PASSPHRASE = "passphrase"  # noqa: S105 - the name of a file
BEFORE = timedelta(days=30)
"""How much older than its making the authority is: one of its certificates may then be near its end from the start."""
LEAST_LEFT = timedelta(days=MAX_DAYS + 30)
LIST_LEFT = timedelta(days=60)


def keep_authority(directory: Path, base_url: str, at: datetime) -> Mapping[str, str]:
    """The authority in `directory`, made there at the first start (files of mode 0600), as settings by field.

    One that cannot vouch for a certificate of the longest life any more is made anew, so that nobody's integration
    stops for it; the root's list is signed again in time. Of several processes at their first start one makes it.
    Raises OSError, ValueError where it cannot be kept.
    """
    if (directory / ISSUING_CERTIFICATE).exists() and _not_after(directory) - at < LEAST_LEFT:
        shutil.rmtree(directory)
    if not (directory / ISSUING_CERTIFICATE).exists():
        _make(directory, base_url, at - BEFORE)
    _renew_root_list(directory, at)
    root = x509.load_pem_x509_certificate((directory / ROOT_CERTIFICATE).read_bytes())
    return {
        "issuing_certificate_file": str(directory / ISSUING_CERTIFICATE),
        "issuing_key_file": str(directory / ISSUING_KEY),
        "issuing_key_passphrase_file": str(directory / PASSPHRASE),
        "root_certificates_file": str(directory / ROOT_CERTIFICATE),
        "root_revocation_list_file": str(directory / ROOT_LIST),
        "root_fingerprints": root.fingerprint(hashes.SHA256()).hex(),
    }


def _make(directory: Path, base_url: str, at: datetime) -> None:
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    passphrase = secrets.token_urlsafe(32).encode()
    with suppress(AuthorityExists):  # another start was first: its authority stands
        hold_ceremony(
            SANDBOX,
            directory,
            root_passphrase=passphrase,
            issuing_passphrase=passphrase,
            base_url=base_url,
            at=at,
            beside={PASSPHRASE: passphrase},
        )


def _not_after(directory: Path) -> datetime:
    return x509.load_pem_x509_certificate((directory / ISSUING_CERTIFICATE).read_bytes()).not_valid_after_utc


def _renew_root_list(directory: Path, at: datetime) -> None:
    """In production by hand, once a year; here by whoever starts the sandbox."""
    known = x509.load_der_x509_crl((directory / ROOT_LIST).read_bytes())
    if known.next_update_utc is not None and known.next_update_utc - at >= LIST_LEFT:
        return
    root = x509.load_pem_x509_certificate((directory / ROOT_CERTIFICATE).read_bytes())
    key = read_signer((directory / ROOT_KEY).read_bytes(), (directory / PASSPHRASE).read_bytes())
    number = known.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
    draft = directory / f".{ROOT_LIST}.{secrets.token_hex(4)}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(new_root_list(root, key, number=number, at=at))
    draft.replace(directory / ROOT_LIST)
