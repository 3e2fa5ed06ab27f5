"""Reads a deployment's settings from its environment, once, and tells all that is wrong with them together.

A variable is the world's prefix and the field in capitals: `mongo_uri` is `PROP_MONGO_URI` in production. A secret may
lie in a file named by the variable with `_FILE` behind it. An empty variable counts as not set.
"""

import ipaddress
import stat
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from service.conformance import read_pinned_keys
from service.evidence.errors import Malformed
from service.keys import KeyUnusable
from service.setting_kinds import parts_of
from service.settings import Settings, signing_keys
from service.world import World

SECRET_FILE_BYTES = 16_384
APART = "The two worlds do not meet (art. 17)."


class SettingsError(Exception):
    """Why the service does not start: every problem, each naming its variable and what to do. Holds no values."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


S = TypeVar("S", bound=Settings)


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
    _ensure_pinned(settings.conformance_keys_file, variable(world, "conformance_keys_file"))
    return settings


def _ensure_pinned(file: Path | None, name: str) -> None:
    try:
        if file is not None:
            read_pinned_keys(file)
    except OSError as error:
        reason = error.strerror or "an error"
        raise SettingsError((f"{name} cannot be read ({reason}): name a readable file.",)) from None
    except Malformed as error:
        raise SettingsError((f"{name}: {error}",)) from None


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
    parts = parts_of(url)
    if parts is None or parts.hostname is None:
        return False
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
