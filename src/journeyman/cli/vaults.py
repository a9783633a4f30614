"""`journeyman vaults`: on the database, whether a server runs or not."""

import asyncio

from journeyman.app.backends import make_keyring
from journeyman.cli.database import opened
from journeyman.cli.problem import Problem
from journeyman.config import Settings
from journeyman.runtime.secrets import Secrets
from journeyman.store.credentials import Credentials
from journeyman.vault.cipher import Cipher
from journeyman.wire.errors import ApiError


def reseal(settings: Settings) -> None:
    """Bring all secrets under the newest master key. Raises Problem."""
    count = asyncio.run(_reseal(settings))
    print(f"{count} secrets are now under the newest master key; older keys are not needed any more.")


async def _reseal(settings: Settings) -> int:
    async with opened(settings) as database:
        secrets = Secrets(Credentials(database), Cipher(make_keyring(settings)), settings.addresses())
        try:
            return await secrets.reseal()
        except ApiError as error:
            raise Problem(error.message) from error
