import base64
import secrets
from pathlib import Path

from anthropic import Anthropic

from cli.command import Home


def test_a_rotated_master_key(home: Home) -> None:
    """Put first, used for what is new, and after `reseal` for what is old: then the old one can go."""
    with home.serving() as server:
        url, key = server.exported()
        vault, credential = _planted(url, key)
    file = home.data_dir / "vault.keys"
    old = file.read_text().strip()
    new = base64.b64encode(secrets.token_bytes(32)).decode()
    file.write_text(f"{new}\n{old}\n")
    assert "1 secrets are now" in home.run("vaults", "reseal").stdout
    assert "0 secrets are now" in home.run("vaults", "reseal").stdout
    file.write_text(f"{new}\n")
    with home.serving() as server:
        _change(server.url, key, vault, credential)
    file.write_text(f"{old}\n")
    failed = home.run("vaults", "reseal")
    assert failed.returncode == 1
    assert "which is not here" in failed.stderr


def test_what_is_no_master_key(home: Home) -> None:
    home.data_dir.mkdir()
    Path(home.data_dir / "vault.keys").write_text("too short\n")
    failed = home.run("serve", "--port", "0")
    assert failed.returncode == 1
    assert "32 random bytes in base64" in failed.stderr


def _planted(url: str, key: str) -> tuple[str, str]:
    with Anthropic(base_url=url, api_key=key) as client:
        vault = client.beta.vaults.create(display_name="one").id
        auth = {"type": "static_bearer", "mcp_server_url": "https://a.example", "token": "planted"}
        return vault, client.beta.vaults.credentials.create(vault, auth=auth).id  # pyright: ignore[reportArgumentType]


def _change(url: str, key: str, vault: str, credential: str) -> None:
    """Which opens the secret that there is."""
    with Anthropic(base_url=url, api_key=key) as client:
        auth = {"type": "static_bearer", "token": "new"}
        client.beta.vaults.credentials.update(credential, vault_id=vault, auth=auth)  # pyright: ignore
