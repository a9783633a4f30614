"""Server-sent events, as far as model providers use them."""


class EventDecoder:
    """Turns the bytes of a `text/event-stream` body, in pieces of any size, into the data of its events."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that this piece completes."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        done: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:])
            elif self._data and line in (b"", b"\r"):
                done.append(b"\n".join(self._data).strip())
                self._data.clear()
        return done
