"""What a deployment sets: one frozen model, read from the environment once. Nothing else reads the environment.

A variable is the world's prefix and the field in capitals: `mongo_uri` is `PROP_MONGO_URI` in production. A secret may
lie in a file named by the variable with `_FILE` behind it. An empty variable counts as not set.
"""

import base64
import binascii
import ipaddress
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic.fields import FieldInfo

from service.keys import KeyUnusable, SigningKeys, load_keys
from service.world import World

SECRET_FILE_BYTES = 16_384
APART = "The two worlds do not meet (art. 17)."


def setting(
    default: Any = ..., *, what: str, unit: str = "", ge: int | None = None, le: int | None = None, shown: str = ""
) -> Any:
    """A field with what the reference prints: what it does, its unit, and `shown` where no constant is the default."""
    return Field(default, description=what, ge=ge, le=le, json_schema_extra={"unit": unit, "shown": shown})


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for part in value:
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ValueError("must be addresses or networks such as 10.0.0.0/8, separated by commas") from None
    return value


def _fingerprints(value: tuple[str, ...]) -> tuple[str, ...]:
    plain = tuple(part.replace(":", "").lower() for part in value)
    if not all(re.fullmatch(r"[0-9a-f]{64}", part) for part in plain):
        raise ValueError("must be SHA-256 fingerprints in hexadecimal, separated by commas")
    return plain


def _days(value: tuple[int, ...]) -> tuple[int, ...]:
    if not value or not all(0 <= day <= 398 for day in value) or len(set(value)) != len(value):
        raise ValueError("must be different numbers of days from 0 to 398, separated by commas")
    return tuple(sorted(value, reverse=True))


def _parts(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:  # `port` raises it too
        return None


def _public_url(value: str) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as https://prop.example.org, without query or user")
    return value.rstrip("/")


def check_mongo_uri(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.startswith(("mongodb://", "mongodb+srv://")) or not text.partition("://")[2]:
        raise ValueError("must begin with mongodb:// or mongodb+srv:// and name a host")
    return value


def _key(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return SecretBytes(base64.b64decode(value.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("must be base64, as `openssl rand -base64 32` prints it") from None


def _strong(value: SecretBytes) -> SecretBytes:
    key = value.get_secret_value()
    if len(key) != 32:
        raise ValueError(f"must be 32 bytes in base64; this is {len(key)}")
    if len(set(key)) < 12:  # 32 random bytes have fewer than 12 distinct ones once in 10**19
        raise ValueError("is not random: make one with `openssl rand -base64 32`")
    return value


Key = Annotated[SecretBytes, BeforeValidator(_key), AfterValidator(_strong)]
Networks = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_networks)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
Fingerprints = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_fingerprints)]
Days = Annotated[tuple[int, ...], BeforeValidator(_split), AfterValidator(_days)]
DatabaseName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]


class Settings(BaseModel):
    """What production runs with. Says nothing of whether the database answers or the key fits the data."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    mongo_uri: Annotated[SecretStr, AfterValidator(check_mongo_uri)] = setting(
        what="Where MongoDB is, with user and password: a replica set, since every mutation is a transaction."
    )
    database: DatabaseName = setting(what="The database of this world.", shown="the world's")
    evidence_database: DatabaseName = setting(
        what="The database of the records, insert-only for the application's user.", shown="the world's"
    )
    server_selection_ms: int = setting(
        2000, unit="ms", ge=100, le=60_000, what="How long a request waits for a database that is away."
    )
    data_key: Key = setting(
        unit="base64, 32 bytes", what="Encrypts personal data field by field. Each world has its own; keep a copy."
    )
    signing_key: SecretStr = setting(
        unit="PEM, PKCS#8", what="The P-256 key that signs tokens and receipts: a file is best (`_FILE`)."
    )
    log_key: SecretStr = setting(
        unit="PEM, PKCS#8", what="The Ed25519 key that signs the checkpoints of the log of records."
    )
    announced_signing_key: SecretStr | None = setting(
        None, unit="PEM, PKCS#8", what="The signing key to come: published in the JWKS before it is used."
    )
    retired_signing_keys: SecretStr | None = setting(
        None, unit="JWKS", what="Former public keys, each with `retired_at`: receipts verify by them for ever."
    )
    key_passphrase: SecretStr | None = setting(None, what="Opens the keys above, if they are encrypted.")
    issuing_certificate_file: Path | None = setting(
        None, what="The issuing authority's certificate (PEM). Without it no certificate is issued; all else works."
    )
    issuing_key: SecretStr | None = setting(
        None, unit="PEM, PKCS#8", what="The issuing authority's P-256 key, encrypted, if it is not in a token."
    )
    issuing_key_passphrase: SecretStr | None = setting(None, what="Opens the issuing authority's key.")
    issuing_key_module: Path | None = setting(None, what="The PKCS#11 library of the token with the issuing key.")
    issuing_key_token: str | None = setting(None, what="The label of that token.")
    issuing_key_label: str | None = setting(None, what="The label of the key in that token.")
    issuing_key_pin: SecretStr | None = setting(None, what="Opens that token.")
    root_certificates_file: Path | None = setting(None, what="The roots of this world (PEM).")
    root_fingerprints: Fingerprints = setting(
        (), unit="SHA-256, hex", what="The roots' fingerprints, copied from the minutes of the ceremony."
    )
    root_revocation_list_file: Path | None = setting(None, what="The root's revocation list (DER), to be served.")
    outside_root_certificates_file: Path | None = setting(
        None, what="Roots of outside authorities (PEM) whose certificates may be registered here."
    )
    blocked_keys_file: Path | None = setting(
        None, what="Keys never to be certified: SHA-256 of SubjectPublicKeyInfo in hex, one a line."
    )
    pki_url: PublicUrl | None = setting(
        None, shown="`public_url`", what="The address that certificates name for revocation lists and OCSP."
    )
    certificate_days: int = setting(365, unit="days", ge=1, le=398, what="How long an issued certificate is valid.")
    certificate_overlap_days: int = setting(
        14, unit="days", ge=0, le=90, what="How long a renewed certificate serves beside its unused successor."
    )
    certificate_approval: Literal["second_person", "automatic"] = setting(
        "second_person", what="Whether a requested certificate waits for a second person's approval."
    )
    revocation_list_hours: int = setting(
        24, unit="h", ge=1, le=720, what="How long a revocation list is good for; a new one is made at half of it."
    )
    ocsp_minutes: int = setting(60, unit="min", ge=1, le=10_080, what="How long an OCSP answer is good for.")
    reminder_days: Days = setting(
        (90, 60, 30, 14, 7, 3, 1, 0), unit="days", what="How long before its end a certificate is reminded of."
    )
    sms_outbox_file: Path | None = setting(
        None, what="A file to which SMS are written, one JSON object a line, where no gateway takes them."
    )
    public_url: PublicUrl = setting(what="The address callers use: issuer and audience of tokens, base of links.")
    host: str = setting("127.0.0.1", what="The address to listen on; 0.0.0.0 inside a container.")
    port: int = setting(8000, ge=0, le=65_535, what="The port to listen on; 0 takes any free one.")
    metrics_host: str = setting("127.0.0.1", what="The address on which /metrics listens, apart from the public one.")
    metrics_port: int = setting(0, ge=0, le=65_535, what="The port of /metrics; 0 serves none.")
    workers: int = setting(2, ge=1, le=64, what="Processes that serve requests; about one for each core.")
    trusted_proxies: Networks = setting(
        (), what="Addresses and networks whose X-Forwarded-For and -Proto are believed; by default nobody's."
    )
    header_bytes: int = setting(
        16_384, unit="bytes", ge=1024, le=1_048_576, what="The longest request line and headers together (431 beyond)."
    )
    drain_seconds: int = setting(
        20, unit="s", ge=0, le=600, what="How long requests in flight may take to finish after SIGTERM."
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", what="The least grave event logged.")
    limit_body_bytes: int = setting(
        256_000, unit="bytes", ge=1024, le=16_000_000, what="The longest request body (413 beyond)."
    )
    limit_aliases: int = setting(15, ge=0, le=1000, what="Aliases in one GraphQL document.")
    limit_depth: int = setting(12, ge=1, le=100, what="Levels of fields in one GraphQL document.")
    limit_tokens: int = setting(1000, ge=50, le=100_000, what="Tokens in one GraphQL document.")
    limit_cost: int = setting(5000, ge=10, le=10_000_000, what="Cost of one GraphQL operation, about one per value.")
    limit_characters: int = setting(65_536, ge=1024, le=16_000_000, what="Characters in one GraphQL document.")
    limit_fragments: int = setting(30, ge=0, le=1000, what="Fragments defined in one GraphQL document.")
    limit_spreads: int = setting(60, ge=0, le=2000, what="Fragments used in one GraphQL document.")
    limit_directives: int = setting(50, ge=0, le=1000, what="Directives in one GraphQL document.")
    limit_operations: int = setting(10, ge=1, le=100, what="Operations in one GraphQL document.")
    limit_field_pairs: int = setting(
        5000, ge=0, le=1_000_000, what="Pairs of fields with the same name in one document: each is compared."
    )
    limit_variables: int = setting(50, ge=0, le=1000, what="Variables of one GraphQL document.")
    limit_variable_values: int = setting(2000, ge=1, le=100_000, what="Values in a request's variables, at any depth.")
    limit_value_depth: int = setting(12, ge=1, le=100, what="How deep a literal or a variable may nest.")
    limit_subscriptions: int = setting(20, ge=1, le=1000, what="Operations at once on one WebSocket.")
    page_default: int = setting(50, ge=1, le=1000, what="Rows of a page where `first` is not given.")
    page_max: int = setting(100, ge=1, le=1000, what="The largest `first` or `last`.")
    rate_per_minute: int = setting(
        600, unit="requests/min", ge=1, le=1_000_000, what="Requests one caller may make on average (429 beyond)."
    )
    rate_burst: int = setting(100, ge=1, le=1_000_000, what="Requests one caller may make at once, after a rest.")
    execution_ms: int = setting(
        10_000, unit="ms", ge=100, le=600_000, what="How long one GraphQL operation may run before it is ended."
    )
    introspection: Literal["anyone", "authenticated", "nobody"] = setting(
        "authenticated", what="Who may ask for the schema by introspection."
    )
    trusted_documents: Path | None = setting(
        None, what="A JSON file of the documents known beforehand, as an object from id to text."
    )
    trusted_documents_only: bool = setting(
        default=False, what="Refuse every document that is not in `trusted_documents`."
    )


def signing_keys(settings: Settings) -> SigningKeys:
    """The world's keys. Raises KeyUnusable for texts that are no such keys: `read_settings` has said so before."""

    def text(secret: SecretStr | None) -> str | None:
        return secret.get_secret_value() if secret else None

    return load_keys(
        settings.signing_key.get_secret_value(),
        settings.log_key.get_secret_value(),
        announced=text(settings.announced_signing_key),
        retired=text(settings.retired_signing_keys),
        passphrase=text(settings.key_passphrase),
    )


class SettingsError(Exception):
    """Why the service does not start: every problem, each naming its variable and what to do. Holds no values."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


S = TypeVar("S", bound=Settings)


def process_environment() -> Mapping[str, str]:
    """The environment of this process, for whoever starts a service to hand to `read_settings`."""
    return os.environ


def variable(world: World, field: str) -> str:
    """The environment variable of a field: `port` is `PROP_PORT` in production."""
    return f"{world.variables}{field.upper()}"


def read_settings(environ: Mapping[str, str], world: World, model: type[S] = Settings) -> S:  # type: ignore[assignment]  # mypy does not bind a TypeVar's default
    """The settings in `environ`, or a SettingsError that lists all that is wrong with them at once.

    1. No variable of the other world is set (lock 1 of the two worlds, art. 17).
    2. Every variable with this world's prefix is one we know.
    3. Secrets given as files are read.
    4. Every value is valid for itself.
    5. The values do not contradict each other.
    6. The keys are keys, and open.
    """
    given = {name: value for name, value in environ.items() if value.strip()}
    problems = [*_strays(given, world), *_unknown(given, world, model)]
    raw = {"database": world.database, "evidence_database": world.evidence_database}
    unread = set[str]()
    for field, info in model.model_fields.items():
        try:
            text = _value(given, variable(world, field), secret=is_secret(info))
        except SettingsError as error:
            problems += error.problems
            unread.add(field)
        else:
            raw |= {} if text is None else {field: text}
    values, invalid = _validated(raw, world, model, unread)
    problems += [*invalid, *_contradictions(values, world)]
    if problems:
        raise SettingsError(tuple(problems))
    settings = model.model_validate(values)
    try:
        signing_keys(settings)
    except KeyUnusable as error:
        raise SettingsError((f"{variable(world, 'signing_key')} and its like: {error}",)) from None
    return settings


def _strays(given: Mapping[str, str], world: World) -> Iterator[str]:
    here, there = world.environment.value, world.neighbour.environment.value
    for name in sorted(given):
        if name.startswith(world.neighbour.variables):
            yield f"{_name(name)} belongs to {there}, and this is {here}: unset it. {APART}"


def _unknown(given: Mapping[str, str], world: World, model: type[Settings]) -> Iterator[str]:
    known = [variable(world, field) for field in model.model_fields]
    files = [f"{variable(world, field)}_FILE" for field, info in model.model_fields.items() if is_secret(info)]
    for name in sorted(given):
        if name.startswith(world.variables) and name not in known and name not in files:
            near = get_close_matches(name[:80], [*known, *files], 1)
            yield f"{_name(name)} is not a setting: " + (f"did you mean {near[0]}?" if near else "unset it.")


def _name(name: str) -> str:
    """A variable's name, fit for a line of text: a name may hold any character and any number of them."""
    return name if name.isidentifier() and name.isascii() and len(name) <= 80 else f"{name[:40]!a}..."


def is_secret(info: FieldInfo) -> bool:
    kinds = {info.annotation, *get_args(info.annotation)}
    return bool(kinds & {SecretStr, SecretBytes})


def _value(given: Mapping[str, str], name: str, *, secret: bool) -> str | None:
    """The text of a setting, from its variable or, for a secret, from the file that `NAME_FILE` names."""
    path = given.get(f"{name}_FILE") if secret else None
    if path is None:
        return given.get(name)
    if name in given:
        raise SettingsError((f"{name} and {name}_FILE are both set: keep one.",))
    try:
        with Path(path).open("rb") as file:
            text = file.read(SECRET_FILE_BYTES + 1).decode().strip()
    except OSError as error:
        reason = error.strerror or "an error"
        raise SettingsError((f"{name}_FILE cannot be read ({reason}): name a readable file.",)) from None
    except ValueError:
        raise SettingsError((f"{name}_FILE does not name a UTF-8 text file.",)) from None
    if not text or len(text) > SECRET_FILE_BYTES:
        raise SettingsError((f"{name}_FILE names a file that is empty or longer than {SECRET_FILE_BYTES} bytes.",))
    return text


def readable_by_all(environ: Mapping[str, str], world: World, model: type[Settings] = Settings) -> list[str]:
    """The variables whose secret file every user of the machine may read. A reason to warn, not to stop."""
    names = [f"{variable(world, field)}_FILE" for field, info in model.model_fields.items() if is_secret(info)]
    return [name for name in names if environ.get(name, "").strip() and _open_to_all(Path(environ[name]))]


def _open_to_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False


def _validated(
    raw: Mapping[str, str], world: World, model: type[Settings], unread: set[str]
) -> tuple[dict[str, Any], list[str]]:
    """Field by field, so that one bad value does not hide another, nor the contradictions between the good ones."""
    values, problems = dict[str, Any](), list[str]()
    for field, info in model.model_fields.items():
        name = variable(world, field)
        if field not in raw:
            if info.is_required() and field not in unread:
                problems.append(f"{name} is missing: {info.description}")
            elif not info.is_required():
                values[field] = info.get_default(call_default_factory=True, validated_data=values)
            continue
        try:
            values[field] = TypeAdapter(Annotated[info.annotation, info]).validate_python(raw[field])  # type: ignore[arg-type]  # the form is known only at run time
        except ValidationError as error:
            problems += [f"{name}: {_reason(each['msg'])}." for each in error.errors(include_input=False)]
    return values, problems


def _reason(message: str) -> str:
    text = message.removeprefix("Value error, ").rstrip(".")
    return text[:1].lower() + text[1:]


def _contradictions(values: Mapping[str, Any], world: World) -> Iterator[str]:
    def named(field: str) -> str:
        return variable(world, field)

    there = world.neighbour
    names = {field: values.get(field) for field in ("database", "evidence_database")}
    if names["database"] is not None and names["database"] == names["evidence_database"]:
        yield f"{named('evidence_database')} equals {named('database')}: records need a database of their own."
    for field, name in (names | {"mongo_uri": _database_in(values.get("mongo_uri"))}).items():
        if name in {there.database, f"{there.database}_evidence"}:
            yield f"{named(field)} names a database of {there.environment.value}: choose another. {APART}"
    if world.binding and "public_url" in values and not _is_safe(values["public_url"]):
        yield f"{named('public_url')} must begin with https://: tokens travel there."
    if values.get("page_default", 0) > values.get("page_max", 1000):
        yield f"{named('page_default')} is greater than {named('page_max')}: lower the one or raise the other."
    if values.get("metrics_port") and values["metrics_port"] == values.get("port"):
        yield f"{named('metrics_port')} equals {named('port')}: /metrics listens apart from the public."
    yield from _about_authorities(values, named)
    if values.get("trusted_documents_only") and values.get("trusted_documents", "invalid") is None:
        yield f"{named('trusted_documents_only')} is set but {named('trusted_documents')} is not: name the file."


def _about_authorities(values: Mapping[str, Any], named: Callable[[str], str]) -> Iterator[str]:
    if values.get("issuing_certificate_file") and not values.get("root_certificates_file"):
        yield f"{named('root_certificates_file')} is missing: {named('issuing_certificate_file')} needs its root."
    if values.get("root_certificates_file") and not values.get("root_fingerprints", "invalid"):
        yield f"{named('root_fingerprints')} is missing: roots are trusted by the minutes, not by the file."
    if values.get("issuing_key") and values.get("issuing_key_module"):
        yield f"{named('issuing_key')} and {named('issuing_key_module')} are both set: the key is in one place."


def _database_in(uri: SecretStr | None) -> str | None:
    """The database in a connection string's path: the driver's default, and where it logs in."""
    return uri.get_secret_value().partition("://")[2].partition("/")[2].partition("?")[0] or None if uri else None


def _is_safe(url: str) -> bool:
    parts = _parts(url)
    if parts is None or parts.hostname is None:
        return False
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
