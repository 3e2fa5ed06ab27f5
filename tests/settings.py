"""An environment that production starts with, for tests."""

import base64

from service.settings import Settings, read_settings
from service.world import PRODUCTION

KEY = base64.b64encode(bytes(range(32))).decode()
GOOD = {
    "PROP_MONGO_URI": "mongodb://prop:hunter2-secret@db.example.org/?replicaSet=rs0",
    "PROP_DATA_KEY": KEY,
    "PROP_PUBLIC_URL": "https://prop.example.org",
}


def make_settings(**changes: object) -> Settings:
    """Production's settings, read from `GOOD` and the fields given."""
    return read_settings(GOOD | {f"PROP_{name.upper()}": str(value) for name, value in changes.items()}, PRODUCTION)
