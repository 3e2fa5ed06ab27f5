"""The sandbox's own authority: a root and an issuing authority made at the first start, named NOT BINDING (art. 17).

What the sandbox certifies is certified nowhere else, so all of it may lie in one directory, passphrases included.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sandbox.world import SANDBOX
from service.ceremony import (
    ISSUING_CERTIFICATE,
    ISSUING_KEY,
    ROOT_CERTIFICATE,
    ROOT_LIST,
    AuthorityExists,
    hold_ceremony,
)

PASSPHRASE = "passphrase"  # noqa: S105 - the name of a file


def keep_authority(directory: Path, base_url: str, at: datetime) -> Mapping[str, str]:
    """The authority in `directory`, made there at the first start (files of mode 0600), as settings by field.

    Of several processes at their first start one makes it. Raises OSError, ValueError where it cannot be kept.
    """
    if not (directory / ISSUING_CERTIFICATE).exists():
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
    root = x509.load_pem_x509_certificate((directory / ROOT_CERTIFICATE).read_bytes())
    return {
        "issuing_certificate_file": str(directory / ISSUING_CERTIFICATE),
        "issuing_key_file": str(directory / ISSUING_KEY),
        "issuing_key_passphrase_file": str(directory / PASSPHRASE),
        "root_certificates_file": str(directory / ROOT_CERTIFICATE),
        "root_revocation_list_file": str(directory / ROOT_LIST),
        "root_fingerprints": root.fingerprint(hashes.SHA256()).hex(),
    }
