"""The keys that a server knows from its start."""

import secrets

from journeyman.app.data_dir import first_key, once
from journeyman.config import Settings
from journeyman.store.keys import PREFIX, Keys

WORKSPACE = "default"


async def know_keys(settings: Settings, keys: Keys) -> None:
    """The configured keys; without any, one of our own, made once."""
    for secret in settings.server.api_keys:
        await keys.add(WORKSPACE, "configured", secret)
    if settings.server.api_keys:
        return
    secret = once(first_key(settings), lambda: PREFIX + secrets.token_urlsafe(32) + "\n")
    await keys.add(WORKSPACE, "first", secret.strip())
