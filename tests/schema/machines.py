"""Relying parties for tests: the `openssl` command, which knows a root and otherwise asks where a certificate says."""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from service.authority import ISSUER_PATH, LIST_PATH, ROOT_LIST_PATH, ROOT_PATH
from service.clock import Clock

Told = tuple[str, str, str]
"""What `openssl verify` with the lists it downloads, `openssl crl` and `openssl ocsp` say of a certificate."""

GOOD: Told = ("good", "absent", "good")
HELD: Told = ("revoked", "Certificate Hold", "revoked certificateHold")
SUPERSEDED: Told = ("revoked", "Superseded", "revoked superseded")
CEASED: Told = ("revoked", "Cessation Of Operation", "revoked cessationOfOperation")
COMPROMISED: Told = ("revoked", "Key Compromise", "revoked keyCompromise")
ANY_AGE = str(10**10)  # seconds: these clocks are ahead of the machine's, by which openssl would call answers stale


@dataclass
class Machine:
    """One relying party. `clock` is the time for which it asks."""

    client: httpx.AsyncClient
    clock: Clock
    directory: Path

    async def meet(self) -> None:
        """Fetch the authority's certificates, and the list of the root, which no certificate points to."""
        for path, name in ((ROOT_PATH, "root"), (ISSUER_PATH, "issuing")):
            (self.directory / f"{name}.cer").write_bytes((await self.client.get(path)).content)
            status, said = await self.openssl("x509", "-inform", "DER", "-in", f"{name}.cer", "-out", f"{name}.pem")
            assert status == 0, said
        (self.directory / "root.list").write_bytes((await self.client.get(ROOT_LIST_PATH)).content)
        status, said = await self.openssl("crl", "-inform", "DER", "-in", "root.list", "-out", "roots-list.pem")
        assert status == 0, said

    async def openssl(self, *arguments: str) -> tuple[int, str]:
        """Its status, and all it says. Not waited for on the event loop, which has to serve what it asks."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "openssl", *arguments, cwd=self.directory, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def look(self, pem: str) -> Told:
        (self.directory / "leaf.pem").write_text(pem)
        return await self.verify(), await self.listed(), await self.ocsp()

    @property
    def _at(self) -> tuple[str, str]:
        return "-attime", str(int(self.clock.now().timestamp()))

    async def verify(self) -> str:
        status, said = await self.openssl(
            "verify", "-x509_strict", *self._at, "-crl_check_all", "-crl_download", "-CAfile", "root.pem",
            "-CRLfile", "roots-list.pem", "-untrusted", "issuing.pem", "leaf.pem",
        )  # fmt: skip
        return "good" if status == 0 else "revoked" if "certificate revoked" in said else said

    async def listed(self) -> str:
        """The reason on the list, whose signature is verified."""
        (self.directory / "list.der").write_bytes((await self.client.get(LIST_PATH)).content)
        status, said = await self.openssl("crl", "-inform", "DER", "-in", "list.der", "-CAfile", "issuing.pem", "-text")
        assert (status, "verify OK" in said) == (0, True), said
        _, serial = await self.openssl("x509", "-in", "leaf.pem", "-noout", "-serial")
        _, found, after = said.partition(f"Serial Number: {serial.strip().partition('=')[2]}\n")
        entry = after.partition("Serial Number:")[0]
        reason = re.search(r"X509v3 CRL Reason Code: *\n *(.+)\n", entry)
        return (reason[1] if reason else "no reason") if found else "absent"

    async def ocsp(self) -> str:
        _, url = await self.openssl("x509", "-in", "leaf.pem", "-noout", "-ocsp_uri")
        status, said = await self.openssl(
            "ocsp", "-url", url.strip(), "-issuer", "issuing.pem",
            "-cert", "leaf.pem", "-CAfile", "root.pem", "-verify_other", "issuing.pem", *self._at,
            "-validity_period", ANY_AGE,
        )  # fmt: skip
        assert (status, "Response verify OK" in said) == (0, True), said
        word = re.search(r"^leaf\.pem: (\w+)$", said, re.MULTILINE)
        reason = re.search(r"Reason: (\w+)", said)
        return f"{word[1] if word else said}{f' {reason[1]}' if reason else ''}"

    async def invalid_since(self) -> datetime:
        """The invalidity date on the list that was last fetched."""
        _, said = await self.openssl("crl", "-inform", "DER", "-in", "list.der", "-noout", "-text")
        found = re.search(r"Invalidity Date: *\n *(.+)\n", said)
        assert found, said
        return datetime.strptime(found[1], "%b %d %H:%M:%S %Y %Z")  # noqa: DTZ007 - %Z reads GMT, and drops it
