"""Bytes from programs and the web as text that every store and model accepts."""


def decode(data: bytes, encoding: str = "utf-8") -> str:
    """Decode with replacement; an unknown encoding counts as UTF-8."""
    try:
        return printable(data.decode(encoding, errors="replace"))
    except LookupError:
        return printable(data.decode("utf-8", errors="replace"))


def printable(text: str) -> str:
    """Replace what JSON columns refuse: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", errors="replace").decode("utf-8")


def size(count: int) -> str:
    """A byte count for people: `512 bytes`, `3.4 MB`."""
    if count < 1000:
        return f"{count} bytes"
    value = count / 1000
    for unit in ("kB", "MB"):
        if value < 1000:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
