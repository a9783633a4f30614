"""Boots Debian's stock kernel in an emulated machine with control groups of version 2, and runs guest.py there.

Usage (root, for what the machine reads of this one's files): vm.py. Needs qemu-system-x86, linux-image-amd64,
busybox and cpio; takes about two minutes. The machine sees this one's files read-only and has no network.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

_MODULES = ("9p", "9pnet_virtio", "overlay", "virtio_pci", "virtio_blk", "ext4", "virtio_rng")
_TIMEOUT = 900
_INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /new
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t devtmpfs dev /dev
while read -r module; do $bb insmod "$module"; done </modules/order
$bb mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 host /new
exec $bb switch_root /new /bin/sh {guest}
"""


def kernel() -> tuple[Path, str]:
    """The newest stock kernel with the modules we need, and its version."""
    found = [path.name for path in Path("/lib/modules").iterdir() if (path / "kernel/fs/9p").is_dir()]
    for version in sorted(found, reverse=True):
        image = Path("/boot", f"vmlinuz-{version}")
        if image.exists():
            return image, version
    raise SystemExit("No kernel with 9p was found. Install one: apt install linux-image-amd64")


def initramfs(place: Path, version: str, guest: Path) -> Path:
    """An archive with busybox, the modules in order, and the first program."""
    root = place / "root"
    for name in ("bin", "modules", "proc", "sys", "dev", "new"):
        (root / name).mkdir(parents=True)
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("busybox is missing. Install it: apt install busybox-static")
    shutil.copy(busybox, root / "bin/busybox")
    order: list[str] = []
    for module in _MODULES:
        command = ["modprobe", "--set-version", version, "--show-depends", module]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        order += [line.split()[1] for line in said.splitlines() if line.startswith("insmod")]
    order = list(dict.fromkeys(order))
    for path in order:
        shutil.copy(path, root / "modules")
    (root / "modules/order").write_text("".join(f"/modules/{Path(path).name}\n" for path in order))
    (root / "init").write_text(_INIT.format(guest=guest))
    (root / "init").chmod(0o755)
    archive = place / "initramfs"
    with archive.open("wb") as file:
        names = "\n".join(str(path.relative_to(root)) for path in [root, *root.rglob("*")])
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names.encode(), stdout=file, check=True)
    return archive


def main() -> int:
    image, version = kernel()
    here = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory(prefix="cgroup2-") as name:
        place = Path(name)
        disk = place / "disk"
        with disk.open("wb") as file:
            file.truncate(4 << 30)
        tree = place / "tree"
        tree.mkdir()
        for path in (here.parents[1] / "src", here):
            shutil.copytree(path, tree / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(disk)], check=True)
        command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"]
        command += ["-nodefaults", "-no-user-config", "-nographic", "-serial", "stdio", "-no-reboot", "-nic", "none"]
        command += ["-device", "virtio-rng-pci", "-drive", f"file={disk},if=virtio,format=raw,cache=unsafe"]
        share = "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"
        command += ["-virtfs", share, "-kernel", str(image)]
        command += ["-initrd", str(initramfs(place, version, here / "guest.sh"))]
        words = f"python={sys.executable}"
        command += ["-append", f"console=ttyS0 quiet loglevel=3 panic=-1 cgroup_no_v1=all {words}"]
        print(f"Linux {version}", flush=True)
        machine = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
        )
        limit = threading.Timer(_TIMEOUT, machine.kill)
        limit.start()
        assert machine.stdout is not None
        good = False
        for line in machine.stdout:
            print(line, end="", flush=True)
            good = good or line.strip() == "ALL OK"
        limit.cancel()
        machine.wait()
    return 0 if good else 1


sys.exit(main())
