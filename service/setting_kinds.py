"""The kinds of value that settings have, each validated for itself."""

import base64
import binascii
import ipaddress
import re
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretBytes, SecretStr


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


def parts_of(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:  # `port` raises it too
        return None


def _public_url(value: str) -> str:
    parts = parts_of(value)
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
