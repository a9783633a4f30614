"""A server that is killed while it starts a container. Usage: docker_server.py DATA_DIR SOCKET BASE"""

import asyncio
import sys
from pathlib import Path

from journeyman.sandboxes.docker import DockerSandboxes

asyncio.run(DockerSandboxes(Path(sys.argv[1]), socket=sys.argv[2], base=sys.argv[3]).start("box"))
