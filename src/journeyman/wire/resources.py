"""What can be mounted into a session's sandbox."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from journeyman.wire.references import Id
from journeyman.wire.strict import NonEmpty, Strict


class FileResource(Strict):
    """An uploaded file."""

    type: Literal["file"]
    file_id: Id
    mount_path: NonEmpty | None = None


class BranchCheckout(Strict):
    """The head of a branch."""

    type: Literal["branch"]
    name: NonEmpty


class CommitCheckout(Strict):
    """One commit."""

    type: Literal["commit"]
    sha: NonEmpty


class GitHubRepositoryResource(Strict):
    """A repository."""

    type: Literal["github_repository"]
    url: NonEmpty
    authorization_token: NonEmpty | None = None
    checkout: Annotated[BranchCheckout | CommitCheckout, Field(discriminator="type")] | None = None
    mount_path: NonEmpty | None = None


class MemoryStoreResource(Strict):
    """A memory store."""

    type: Literal["memory_store"]
    memory_store_id: Id
    access: Literal["read_write", "read_only"] | None = None
    instructions: Annotated[str, Field(max_length=4096)] | None = None


ResourceParams: TypeAlias = Annotated[
    FileResource | GitHubRepositoryResource | MemoryStoreResource, Field(discriminator="type")
]
