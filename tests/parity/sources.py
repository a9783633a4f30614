"""The source distribution of the installed SDK: its own tests and examples are not in the wheel."""

import importlib.metadata
import subprocess
import sys
import tarfile
from pathlib import Path


def sdk_sources(cache: Path) -> Path:
    """The unpacked sources, downloaded into `cache` the first time. Raises CalledProcessError."""
    version = importlib.metadata.version("anthropic")
    unpacked = cache / f"anthropic-{version}"
    if not unpacked.is_dir():
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*download, "--no-build-isolation", f"anthropic=={version}"], cwd=cache, check=True)
        with tarfile.open(cache / f"anthropic-{version}.tar.gz") as archive:
            archive.extractall(cache / "unpacking", filter="data")
        (cache / "unpacking" / unpacked.name).rename(unpacked)
    return unpacked
