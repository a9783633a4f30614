"""The text of a PDF."""

import time
from io import BytesIO
from typing import NamedTuple

MAX_PAGES = 500
_SECONDS = 20.0


class PdfText(NamedTuple):
    text: str
    """Empty when the PDF holds only images."""
    title: str | None
    pages: int
    read: int
    """Pages whose text is here: less than `pages` when there were too many or it took too long."""


def extract(data: bytes) -> PdfText:
    """Slow: not for the event loop. Raises ValueError when it cannot be read."""
    from pypdf import PdfReader  # noqa: PLC0415 - only PDFs need it
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    deadline = time.monotonic() + _SECONDS
    texts: list[str] = []
    try:
        reader = PdfReader(BytesIO(data))
        title = reader.metadata.title if reader.metadata else None
        for page in reader.pages[:MAX_PAGES]:
            if time.monotonic() > deadline:
                break
            texts.append(page.extract_text().strip())
        return PdfText("\n\n".join(filter(None, texts)), title or None, len(reader.pages), len(texts))
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"damaged or encrypted PDF: {error}") from error
