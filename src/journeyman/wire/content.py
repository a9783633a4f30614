"""Content blocks of messages and tool results, as a client sends them."""

import binascii
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from journeyman.wire.json_value import Json
from journeyman.wire.references import Id
from journeyman.wire.strict import NonEmpty, Strict, refuse


def _base64(data: str) -> str:
    try:
        decoded = binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        raise refuse("not valid base64") from None
    if not decoded:
        raise refuse("must not be empty")
    return data


def _url(url: str) -> str:
    if not url.lower().startswith(("https://", "http://")):
        raise refuse("must be an http or https URL")
    return url


Base64: TypeAlias = Annotated[str, AfterValidator(_base64)]
Url: TypeAlias = Annotated[str, AfterValidator(_url)]
ImageType: TypeAlias = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]


class TextBlock(Strict):
    """Text."""

    type: Literal["text"]
    text: NonEmpty


class Base64Image(Strict):
    """An image sent along."""

    type: Literal["base64"]
    media_type: ImageType
    data: Base64


class Base64Document(Strict):
    """A document sent along."""

    type: Literal["base64"]
    media_type: NonEmpty
    data: Base64


class PlainText(Strict):
    """A document of plain text."""

    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: NonEmpty


class UrlSource(Strict):
    """Something to fetch."""

    type: Literal["url"]
    url: Url


class FileSource(Strict):
    """An uploaded file."""

    type: Literal["file"]
    file_id: Id


class ImageBlock(Strict):
    """An image."""

    type: Literal["image"]
    source: Annotated[Base64Image | UrlSource | FileSource, Field(discriminator="type")]


class DocumentBlock(Strict):
    """A document."""

    type: Literal["document"]
    source: Annotated[Base64Document | PlainText | UrlSource | FileSource, Field(discriminator="type")]
    title: str | None = None
    context: str | None = None


class Citations(Strict):
    """Whether a search result may be cited."""

    enabled: bool


class SearchResultBlock(Strict):
    """A search result, in tool results only."""

    type: Literal["search_result"]
    source: NonEmpty
    title: str
    content: Annotated[list[TextBlock], Field(min_length=1, fail_fast=True)]
    citations: Citations


MessageBlock: TypeAlias = Annotated[TextBlock | ImageBlock | DocumentBlock, Field(discriminator="type")]
ResultBlock: TypeAlias = Annotated[
    TextBlock | ImageBlock | DocumentBlock | SearchResultBlock, Field(discriminator="type")
]


def materialise(block: TextBlock | ImageBlock | DocumentBlock | SearchResultBlock) -> Json:
    """The stored form: as sent, a document's unset keys as null."""
    return block.model_dump()
