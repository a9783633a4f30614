"""A host of git repositories over HTTP, as the tests' own."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

BACKEND = Path("/usr/lib/git-core/git-http-backend")
TOKEN, OTHER = "planted-git-token", "planted-other-token"


@dataclass
class GitHost:
    """`tokens` may read and write everything; `status` answers what a token may not do."""

    place: Path
    url: str = ""
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    public: set[str] = field(default_factory=set[str])
    status: int = 401
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Path and Authorization of each request."""

    def repository(self, name: str, files: dict[str, str]) -> Path:
        """Make one, `owner/name`, with a commit on main and another branch `side`."""
        bare, work = self.place / f"{name}.git", self.place / "work" / name
        run("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        run("-C", str(bare), "config", "http.receivepack", "true")
        run("-C", str(bare), "config", "uploadpack.allowAnySHA1InWant", "true")
        run("init", "--quiet", "--initial-branch=main", str(work))
        self.commit(name, "first", files)
        run("-C", str(work), "checkout", "--quiet", "-b", "side")
        self.commit(name, "beside", {"side.txt": "side\n"}, branch="side")
        run("-C", str(work), "checkout", "--quiet", "main")
        return bare

    def commit(self, name: str, message: str, files: dict[str, str], branch: str = "main") -> str:
        """Push one; its name."""
        bare, work = self.place / f"{name}.git", self.place / "work" / name
        for path, text in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
        run("-C", str(work), "add", "--all")
        run("-C", str(work), "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", message)
        run("-C", str(work), "push", "--quiet", str(bare), f"HEAD:{branch}")
        return run("-C", str(work), "rev-parse", "HEAD").strip()


def run(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


@contextmanager
def serving(place: Path) -> Iterator[GitHost]:
    host = GitHost(place)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(b"")

        def do_POST(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                self.answer(self.chunks())
            else:
                self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def answer(self, body: bytes) -> None:
            login = self.headers.get("Authorization", "")
            parts = urlsplit(self.path)
            host.asked.append((parts.path, login))
            status = self.refusal(parts.path, login)
            if status:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            environment = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(place),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "somebody",
            }
            done = subprocess.run([BACKEND], input=body, env=environment, capture_output=True, check=False)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
            self.send_response(int(lines.pop("Status", "200").split()[0]))
            for name, value in lines.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def refusal(self, path: str, login: str) -> int:
            name = "/".join(path.split("/")[1:3]).removesuffix(".git")
            known = {"Basic " + base64.b64encode(f"x-access-token:{each}".encode()).decode() for each in host.tokens}
            if name not in host.public and login not in known:
                return host.status
            return 0 if (place / f"{name}.git").is_dir() else 404

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        host.url = f"http://git.test:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield host
        server.shutdown()
