"""What a sandbox takes over of the host's package managers: addresses, and nothing secret."""

import configparser
from pathlib import Path

import pytest

from journeyman.sandboxes.local.mirrors import configuration, without_secrets


def _write(root: Path, name: str, text: str, mode: int = 0o644) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_addresses_without_secrets(tmp_path: Path) -> None:
    _write(tmp_path, "etc/xdg/pip/pip.conf", "[global]\nindex-url = https://old.test/simple\ncert = /etc/cert\n")
    pip = "https://user:hunter2@mirror.test:8443/simple"
    extra = "\n  http://token@extra.test/simple?key=hunter2\n  file:///opt/wheels"
    _write(
        tmp_path, "etc/pip.conf", f"[global]\nindex_url = {pip}\nextra-index-url ={extra}\ntrusted-host = extra.test\n"
    )
    npm = (
        "registry=https://user:hunter2@npm.test/r/\n//npm.test/r/:_authToken=hunter2\n@own:registry=https://own.test/\n"
    )
    _write(tmp_path, "etc/npmrc", npm)
    _write(tmp_path, "etc/gemrc", "---\n:sources:\n- https://user:hunter2@gems.test/\n:hunter2: yes\n")
    files = configuration(tmp_path)
    assert "hunter2" not in str(files)
    assert files["opt/npm/etc/npmrc"] == "registry=https://npm.test/r/\n@own:registry=https://own.test/\n"
    assert files["etc/gemrc"] == ":sources:\n- https://gems.test/\n"
    parsed = configparser.ConfigParser()
    parsed.read_string(files["etc/pip.conf"])
    assert dict(parsed["global"]) == {
        "root-user-action": "ignore",
        "index-url": "https://mirror.test:8443/simple",
        "extra-index-url": "http://extra.test/simple",
        "trusted-host": "extra.test",
    }


def test_a_host_that_says_nothing(tmp_path: Path) -> None:
    assert configuration(tmp_path) == {"etc/pip.conf": "[global]\nroot-user-action = ignore\n"}


def test_what_is_not_for_everybody_is_not_read(tmp_path: Path) -> None:
    _write(tmp_path, "etc/pip.conf", "[global]\nindex-url = https://private.test/\n", 0o600)
    _write(tmp_path, "etc/npmrc", "not = an\x00 npmrc\nregistry = file:///x\n")
    assert configuration(tmp_path) == {"etc/pip.conf": "[global]\nroot-user-action = ignore\n"}


@pytest.mark.parametrize("address", ["", "file:///x", "ssh://host/x", "https://", "https://[broken/", "no address"])
def test_what_is_no_address(address: str) -> None:
    assert without_secrets(address) is None
