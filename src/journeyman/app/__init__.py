"""The composition root: settings to backends to application. The only importer of backends."""

from journeyman.app.backends import make_images, make_keyring, make_models, make_sandboxes, open_database
from journeyman.app.data_dir import first_key
from journeyman.app.keys import WORKSPACE
from journeyman.app.processes import Running, running, working
from journeyman.app.refusals import CannotStart

__all__ = [
    "WORKSPACE",
    "CannotStart",
    "Running",
    "first_key",
    "make_images",
    "make_keyring",
    "make_models",
    "make_sandboxes",
    "open_database",
    "running",
    "working",
]
