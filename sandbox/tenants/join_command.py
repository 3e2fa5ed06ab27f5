"""`prop-sandbox join`: keys made here, certificates fetched, and four programs written that log in with them."""

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sandbox.personas.credentials import request_of
from sandbox.snippets import certificate_file, key_file
from sandbox.tenants.client import TenantClient
from sandbox.tenants.openings import NAMES
from service.access import OperatorRole
from service.certificates import CertificateProfile

TENANT_FILE = "tenant.json"
DIRECTORY = Path("prop-tenant")
PRIVATE = stat.S_IRUSR | stat.S_IWUSR

Keys = dict[tuple[OperatorRole, CertificateProfile], ec.EllipticCurvePrivateKey]


class DirectoryTaken(Exception):
    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} holds a tenant already: name another with --dir.")


def join(
    client: TenantClient,
    directory: Path,
    name: str | None,
    tick: Callable[[str], None],
    *,
    address: str | None = None,
) -> dict[str, Any]:
    """Join and write all that is needed into `directory`; answers what the sandbox answered.

    `tick` is told what is being done. `address` is kept for the other commands; without one, they ask the sandbox that
    was started here, wherever it then is. Raises DirectoryTaken, SandboxSaidNo.
    """
    if (directory / TENANT_FILE).exists():
        raise DirectoryTaken(directory)
    tick("making six keys")
    keys: Keys = {
        (role, profile): ec.generate_private_key(ec.SECP256R1()) for role in NAMES for profile in CertificateProfile
    }
    operators = [
        {"role": role.value, **{profile.lower(): request_of(keys[role, profile]) for profile in CertificateProfile}}
        for role in NAMES
    ]
    tick("joining")
    joined = client.join({"operators": operators} | ({"name": name} if name else {}))
    tick("writing")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_keys(directory, keys)
    write_answer(directory, joined, address)
    return joined


def write_keys(directory: Path, keys: Keys) -> None:
    for (role, profile), key in keys.items():
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write_private(directory / key_file(role, profile), pem)


def write_answer(directory: Path, joined: Mapping[str, Any], address: str | None) -> None:
    """The certificates, the administrator's four programs, and what the other commands need, the secret included."""
    for operator in joined["operators"]:
        role = OperatorRole(operator["role"])
        for certificate in operator["certificates"]:
            (directory / certificate_file(role, certificate["profile"])).write_text(certificate["pem"])
        if role is OperatorRole.ADMINISTRATOR:
            for snippet in operator["snippets"]:
                (directory / snippet["file"]).write_text(snippet["text"], encoding="utf-8")
    kept = {key: joined[key] for key in ("environment", "binding", "notice", "tenant", "secret", "graphql", "control")}
    kept |= {"address": address} if address else {}
    _write_private(directory / TENANT_FILE, json.dumps(kept, ensure_ascii=False, indent=2).encode() + b"\n")


def _write_private(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "wb") as stream:
        stream.write(data)
