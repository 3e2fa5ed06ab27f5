"""What a sandbox sets: production's settings under `SANDBOX_`, with defaults that let it start from nothing."""

import base64
import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from sandbox.authority import keep_authority
from sandbox.webhooks.addresses import Reach
from sandbox.world import SANDBOX
from service.clock import SystemClock
from service.keys import keep_keys
from service.setting_kinds import PublicUrl, check_mongo_uri, setting
from service.settings import Settings
from service.settings_reading import SettingsError, read_settings, variable

DATA_DIRECTORY = Path(".data")


def _uri_or_none(value: SecretStr) -> SecretStr:
    return check_mongo_uri(value) if value.get_secret_value() else value


class SandboxSettings(Settings):
    """What the sandbox runs with. An empty `mongo_uri` means the embedded database in `data_dir`."""

    mongo_uri: Annotated[SecretStr, AfterValidator(_uri_or_none)] = setting(
        SecretStr(""), shown="the embedded database", what="Where MongoDB is, if it is not the embedded one."
    )
    public_url: PublicUrl = setting(
        "http://127.0.0.1:8000", shown="this machine at `SANDBOX_PORT`", what="The address callers use."
    )
    workers: int = setting(1, ge=1, le=64, what="Processes that serve requests; the embedded database has one.")
    drain_seconds: int = setting(
        5, unit="s", ge=0, le=600, what="How long requests in flight may take to finish after SIGTERM."
    )
    certificate_approval: Literal["second_person", "automatic"] = setting(
        "automatic", what="Whether a requested certificate waits for a second person's approval."
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "warning", what="The least grave event logged; info shows each request."
    )
    introspection: Literal["anyone", "authenticated", "nobody"] = setting(
        "anyone", what="Who may ask for the schema by introspection."
    )
    data_dir: Path = setting(DATA_DIRECTORY, what="Where the sandbox keeps its keys and its embedded database.")
    agreement: Path | None = setting(
        None, shown="the digest shipped with it", what="The text to publish as agreement 1 where there is none yet."
    )
    tenants: int = setting(1_000, ge=0, le=100_000, what="How many tenants there may be at a time.")
    tenants_per_address: int = setting(
        20, unit="a day", ge=0, le=100_000, what="How many tenants may join from one address."
    )
    fault_share: int = setting(
        0, unit="%", ge=0, le=50, what="How often each kind of fault happens to tenants that set none of their own."
    )
    fault_seed: int | None = setting(
        None,
        shown="another each time",
        what="Where the generator that chooses faults begins: the same, the same faults.",
    )
    webhook_reach: Literal["public", "loopback", "private"] | None = setting(
        None,
        shown="`loopback` where it listens on, and is called at, this machine alone; else `public`",
        what="How far into its own network the sandbox sends webhooks; link-local addresses never.",
    )

    registrar_personas: Literal["open", "closed"] | None = setting(
        None,
        shown="`open` where it listens on, and is called at, this machine alone; else `closed`",
        what="Whether whoever reaches it is given tokens of the depository's personas, who see and rule every tenant.",
    )

    @property
    def is_local(self) -> bool:
        """Whether it listens on, and is called at, this machine alone."""
        return all(map(_is_loopback, (self.host, urlsplit(self.public_url).hostname or "")))

    @property
    def reach(self) -> Reach:
        if self.webhook_reach is not None:
            return Reach(self.webhook_reach)
        return Reach.LOOPBACK if self.is_local else Reach.PUBLIC

    @property
    def hands_out_registrars(self) -> bool:
        """Whether a token of the depository's staff is there for the asking."""
        return self.is_local if self.registrar_personas is None else self.registrar_personas == "open"

    @property
    def embedded(self) -> bool:
        return not self.mongo_uri.get_secret_value()


def read_sandbox_settings(environ: Mapping[str, str] | None = None) -> SandboxSettings:
    """The sandbox's settings, of this process by default. Makes the data key at the first start, mode 0600.

    Raises SettingsError with all problems at once, as production does.
    """
    given = dict(os.environ if environ is None else environ)
    key, url = variable(SANDBOX, "data_key"), variable(SANDBOX, "public_url")
    if not _is_given(given, key):
        given[f"{key}_FILE"] = str(_ensure_key(data_directory(given)))
    _offer_own_keys(given)
    port = given.get(variable(SANDBOX, "port"), "").strip()
    if not given.get(url, "").strip() and re.fullmatch("[1-9][0-9]{0,4}", port):  # 0: known only once it listens
        given[url] = f"http://127.0.0.1:{port}"
    _offer_own_authority(given)
    settings = read_settings(given, SANDBOX, SandboxSettings)
    if settings.embedded and settings.workers > 1:
        one, uri = variable(SANDBOX, "workers"), variable(SANDBOX, "mongo_uri")
        raise SettingsError((f"{one} is more than 1, which the embedded database cannot serve: set {uri} or leave 1.",))
    return settings


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_given(given: Mapping[str, str], name: str) -> bool:
    return any(given.get(each, "").strip() for each in (name, f"{name}_FILE"))


def data_directory(given: Mapping[str, str]) -> Path:
    """Where a sandbox of this environment keeps its data; nothing is made there."""
    return Path(given.get(variable(SANDBOX, "data_dir"), "").strip() or DATA_DIRECTORY)


def _offer_own_keys(given: dict[str, str]) -> None:
    """The keys that sign tokens, receipts and the log, made at the first start, unless others are given."""
    names = {variable(SANDBOX, "signing_key"): "signing.pem", variable(SANDBOX, "log_key"): "log.pem"}
    missing = {name: file for name, file in names.items() if not _is_given(given, name)}
    if not missing:
        return
    try:
        keep_keys(data_directory(given))
    except (OSError, ValueError) as error:
        raise _cannot_hold(error) from None
    given.update({f"{name}_FILE": str(data_directory(given) / file) for name, file in missing.items()})


def _offer_own_authority(given: dict[str, str]) -> None:
    """The authority that issues certificates, made at the first start, unless another is given."""
    if given.get(variable(SANDBOX, "issuing_certificate_file"), "").strip():
        return
    base = given.get(variable(SANDBOX, "public_url"), "").strip() or "http://127.0.0.1:8000"
    try:
        own = keep_authority(data_directory(given) / "authority", base, SystemClock().now())
    except (OSError, ValueError) as error:
        raise _cannot_hold(error) from None
    given.update({variable(SANDBOX, field): value for field, value in own.items()})


def _ensure_key(directory: Path) -> Path:
    """The file of the data key; the first to come makes it, whole or not at all, for its owner's eyes only."""
    path = directory / "data.key"
    draft = directory / f".data.key.{secrets.token_hex(4)}"
    try:
        if not path.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.touch(mode=0o600)
            draft.write_bytes(base64.b64encode(secrets.token_bytes(32)))
            with suppress(FileExistsError):  # another start was first: its key stands
                path.hardlink_to(draft)
            draft.unlink()
    except (OSError, ValueError) as error:
        raise _cannot_hold(error) from None
    return path


def _cannot_hold(error: Exception) -> SettingsError:
    reason = getattr(error, "strerror", None) or "not a path"
    name = variable(SANDBOX, "data_dir")
    return SettingsError((f"{name} cannot hold the keys ({reason}): name a directory to write to.",))
