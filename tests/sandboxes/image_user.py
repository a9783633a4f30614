"""Makes an image as an ordinary user and prints what came of it. Usage: image_user.py UID DATA_DIR PATH."""

import os
import stat
import sys
from pathlib import Path

from journeyman.sandboxes.local.images import Images
from journeyman.sandboxes.local.importing import import_image
from journeyman.sandboxes.local.namespace import ImageFailed


def main(data_dir: Path, path: Path) -> None:
    images = Images(data_dir)
    try:
        image = import_image(images, "small", path, lambda _: None)
    except ImageFailed as error:
        print(f"refused {error}")
        return
    motd = (image.rootfs / "etc/motd").stat()
    print(f"made {image.owner} {motd.st_uid} {stat.S_IMODE(image.path.stat().st_mode):o}")
    print(f"removed {images.remove('small')} {[each.name for each in images.path.iterdir()]}")


user = int(sys.argv[1])
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
main(Path(sys.argv[2]), Path(sys.argv[3]))
