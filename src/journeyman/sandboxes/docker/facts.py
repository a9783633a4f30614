"""What the engine says about itself."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

_OWN_QUOTAS = {"btrfs", "zfs"}
_HELD = {"memory": "MemoryLimit", "cpus": "CpuCfsQuota", "processes": "PidsLimit"}


@dataclass(frozen=True, slots=True)
class Facts:
    """`info` of its API."""

    info: dict[str, Any]

    @property
    def is_podman(self) -> bool:
        return "BuildahVersion" in self.info

    @property
    def name(self) -> str:
        kind = "podman" if self.is_podman else "Docker"
        return f"{kind} {self.info.get('ServerVersion', '')}{' (rootless)' if self.is_rootless else ''}"

    @property
    def is_rootless(self) -> bool:
        return "rootless" in self._security or bool(self.info.get("Rootless"))  # as Docker and as podman say it

    @property
    def remapped_root(self) -> tuple[int, int] | None:
        """uid and gid on the host of a container's root, where each container has a user namespace of its own."""
        found = re.search(r"/(\d+)\.(\d+)$", str(self.info.get("DockerRootDir", "")))
        return (int(found[1]), int(found[2])) if found and "userns" in self._security else None

    @property
    def owner(self) -> tuple[int, int]:
        """uid and gid on the host of a container's root."""
        if self.is_rootless:
            return os.geteuid(), os.getegid()
        return self.remapped_root or (0, 0)

    @property
    def hard(self) -> frozenset[str]:
        """Which of memory, cpus and processes it can hold."""
        if self.is_rootless and str(self.info.get("CgroupVersion")) == "1":
            return frozenset()  # whatever it says
        return frozenset(name for name, key in _HELD.items() if self.info.get(key))

    @property
    def has_quotas(self) -> bool:
        """Whether a container's files can be given a size."""
        driver = str(self.info.get("Driver", ""))
        if driver in _OWN_QUOTAS:
            return True
        return driver.startswith("overlay") and _has_project_quotas(Path(str(self.info.get("DockerRootDir", "/"))))

    @property
    def _security(self) -> set[str]:
        options = cast("list[str]", self.info.get("SecurityOptions") or [])
        return {part.removeprefix("name=") for option in options for part in option.split(",")}


def _has_project_quotas(path: Path) -> bool:
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    above = [(len(words[4]), place, words) for place, words in enumerate(lines) if path.is_relative_to(words[4])]
    words = max(above)[2] if above else []
    kind = words[words.index("-") + 1] if words else ""
    return kind == "xfs" and any(option in {"prjquota", "pquota"} for option in words[-1].split(","))
