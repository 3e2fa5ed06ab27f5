"""An environment that production starts with, for tests."""

import base64

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.settings import Settings
from service.settings_reading import read_settings
from service.world import PRODUCTION


def make_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


KEY = base64.b64encode(bytes(range(32))).decode()
GOOD = {
    "PROP_MONGO_URI": "mongodb://prop:hunter2-secret@db.example.org/?replicaSet=rs0",
    "PROP_DATA_KEY": KEY,
    "PROP_SIGNING_KEY": make_pem(ec.generate_private_key(ec.SECP256R1())),
    "PROP_LOG_KEY": make_pem(ed25519.Ed25519PrivateKey.generate()),
    "PROP_PUBLIC_URL": "https://prop.example.org",
}


def make_settings(**changes: object) -> Settings:
    """Production's settings, read from `GOOD` and the fields given."""
    return read_settings(GOOD | {f"PROP_{name.upper()}": str(value) for name, value in changes.items()}, PRODUCTION)
