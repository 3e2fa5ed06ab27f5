"""What a deployment sets: one frozen model. Nothing else gives out the environment; `settings_reading` reads it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from service.keys import SigningKeys, load_keys
from service.setting_kinds import DatabaseName, Days, Fingerprints, Key, Networks, PublicUrl, check_mongo_uri, setting


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
    neighbour_certificates_file: Path | None = setting(
        None,
        what="Authorities of the other world (PEM): the key in a certificate of theirs that is shown here is blocked.",
    )
    blocked_keys_file: Path | None = setting(
        None, what="Keys never to be certified: SHA-256 of SubjectPublicKeyInfo in hex, one a line."
    )
    conformance_keys_file: Path | None = setting(
        None, what="The sandbox's public keys (JWKS). With it, nobody is opened without a report of conformance."
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
    connections: int = setting(
        5000, ge=10, le=1_000_000, what="Connections that one process serves; on those beyond, requests get a 503."
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
    limit_cost: int = setting(
        5000,
        ge=10,
        le=10_000_000,
        what="Cost of one GraphQL operation: one a value, ten more a page and a count; of a subscription tenfold.",
    )
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
    limit_open_per_caller: int = setting(
        100, ge=1, le=100_000, what="Operations on WebSockets and event streams that one caller may hold open."
    )
    limit_open_per_address: int = setting(
        1000, ge=1, le=1_000_000, what="WebSockets, their operations and event streams open from one address."
    )
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


def process_environment() -> Mapping[str, str]:
    """The environment of this process, for whoever starts a service to hand to `settings_reading.read_settings`."""
    return os.environ
