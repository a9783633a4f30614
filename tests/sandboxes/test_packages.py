"""From an environment's packages to scripts, and what is no package."""

import subprocess

import pytest

from journeyman.sandboxes.local.package_names import bare
from journeyman.sandboxes.local.packages import base_for, canonical, environment_key, lacking, presence_script, steps
from journeyman.sandboxes.port import MANAGERS, EnvironmentFailed

GOOD = {
    "apt": ["graphviz", "g++", "libstdc++6", "libc6:amd64", "graphviz=2.42.4-3+b1", "curl/trixie", "0ad"],
    "cargo": ["ripgrep", "ripgrep@14.0.0", "a@^1.2"],
    "gem": ["rails", "rails:7.1.0", "rake:~> 13.0"],
    "go": ["golang.org/x/tools/cmd/goimports@latest", "example.com/a/...", "example.com/b@v1.2.3"],
    "npm": ["express", "express@4.18.0", "@scope/name", "@scope/name@^1.0", "left-pad@latest"],
    "pip": [
        "pandas",
        "pandas==2.2.0",
        "uvicorn[standard]>=0.20,<1",
        "x; python_version > '3'",
        "a @ https://example.com/a.whl",
    ],
}
BAD_EVERYWHERE = [
    "",
    "-y",
    "--help",
    "a;touch x",
    "a b c",
    "$(id)",
    "`id`",
    "a\nb",
    "a&&b",
    "a'b",
    "../up",
    "/etc/passwd",
    "a\0b",
    "x" * 600,
]
BAD = {
    "apt": ["removed-", "UPPER", "a=-1", "?installed", "~nfoo", "a*", "./local.deb"],
    "cargo": ["a/b", "--git=x", "a@;"],
    "gem": ["a:$x", "a/b", "./a.gem"],
    "go": ["./...", "a//b", "a@", "-modfile=x"],
    "npm": ["user/repo", "git+https://example.com/a", "file:a", "@scope", "a@npm:b", "."],
    "pip": ["-e .", "./local", "git+https://example.com/a", "-rfile", "a==", "a\tb\n-r x"],
}


@pytest.mark.parametrize(("manager", "name"), [(manager, name) for manager in MANAGERS for name in GOOD[manager]])
def test_a_package_is_one_word_of_the_script(manager: str, name: str) -> None:
    [step] = steps(((manager, (name,)),))
    assert subprocess.run(["bash", "-n"], input=step.script, text=True, check=False).returncode == 0
    # Nothing but the manager's stand-in is there to run, and it only says its words, one a line.
    heard = f"PATH=/nowhere\nrm() {{ :; }}\n{step.program}() {{ printf '<%s>\\n' \"$@\"; }}\n"
    script = step.script.replace("[ -x /opt/venv/bin/pip ]", "true").replace("/opt/venv/bin/pip", "python3")
    done = subprocess.run(["bash", "-c", heard + script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    wanted = f"{name}@latest" if manager == "go" and "@" not in name else name
    assert f"<{wanted}>" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("manager", "name"), [(manager, name) for manager in MANAGERS for name in [*BAD_EVERYWHERE, *BAD[manager]]]
)
def test_what_is_no_package_is_refused_by_name(manager: str, name: str) -> None:
    with pytest.raises(EnvironmentFailed) as caught:
        steps(((manager, (name,)),))
    assert str(caught.value).startswith(f"{manager}: ")
    assert repr(name[:500]) in str(caught.value)


def test_the_managers_run_in_order() -> None:
    wanted = tuple((manager, (GOOD[manager][0],)) for manager in reversed(MANAGERS))
    assert [step.manager for step in steps(wanted)] == list(MANAGERS)
    assert steps((("pip", ()),)) == []


def test_the_key_is_of_the_content() -> None:
    first = (("pip", ("b", "a")), ("apt", ("x1",)))
    second = (("apt", ("x1",)), ("pip", ("a", "b", "a")))
    assert canonical(first) == canonical(second) == (("apt", ("x1",)), ("pip", ("a", "b")))
    assert environment_key(first, "base") == environment_key(second, "base")
    others = {environment_key(first, "other"), environment_key((("pip", ("a", "b", "x1")),), "base")}
    assert environment_key(first, "base") not in others
    with pytest.raises(EnvironmentFailed, match="no package manager 'brew'"):
        environment_key((("brew", ("a",)),), "base")


@pytest.mark.parametrize(
    ("manager", "name", "expected"),
    [
        ("apt", "curl:amd64=8.0", "curl"),
        ("cargo", "a@1", "a"),
        ("gem", "a:1", "a"),
        ("npm", "@scope/a@1", "@scope/a"),
        ("npm", "@scope/a", "@scope/a"),
        ("pip", "Pandas[x]==2", "Pandas"),
        ("go", "example.com/a@v1", "example.com/a"),
    ],
)
def test_bare_names(manager: str, name: str, expected: str) -> None:
    assert bare(manager, name) == expected


def test_a_base_without_a_manager_names_one_that_has_it() -> None:
    wanted = steps((("pip", ("a",)), ("cargo", ("a",))))
    done = subprocess.run(
        ["bash", "-c", "PATH=/nowhere\n" + presence_script(wanted)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["cargo", "pip"]
    assert "`" not in str(lacking(["cargo"], "host"))
    assert "journeyman images build debian" in str(lacking(["cargo"], "host"))
    assert "'debian-min'" in str(lacking(["apt"], "host"))


def test_apt_packages_take_the_host_s_place() -> None:
    assert base_for((("apt", ("a",)),), "host") == "debian-min"
    assert base_for((("apt", ("a",)),), "debian") == "debian"
    assert base_for((("apt", ()), ("pip", ("a",))), "host") == "host"
