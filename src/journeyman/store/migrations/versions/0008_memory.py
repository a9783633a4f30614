"""Memory stores, their memories, the versions of those, and what sandboxes have of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
_PATH = sa.String(length=1024).with_variant(sa.String(length=1024, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "memory_stores",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("memory_stores_by_workspace", "memory_stores", ["workspace_id", "id"], unique=False)
    op.create_table(
        "memories",
        sa.Column("id", _ID, nullable=False),
        sa.Column("store_id", _ID, nullable=False),
        sa.Column("path", _PATH, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("version_id", _ID, nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["memory_stores.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("memories_by_path", "memories", ["store_id", "path"], unique=True)
    op.create_table(
        "memory_versions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("store_id", _ID, nullable=False),
        sa.Column("memory_id", _ID, nullable=False),
        sa.Column("operation", sa.String(length=16), nullable=False),
        sa.Column("path", _PATH, nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("actor_id", _ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("redacted_at", sa.BigInteger(), nullable=True),
        sa.Column("redacted_by", _ID, nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["memory_stores.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("memory_versions_by_store", "memory_versions", ["store_id", "id"], unique=False)
    op.create_index("memory_versions_by_memory", "memory_versions", ["memory_id", "id"], unique=False)
    op.create_table(
        "mounted_memories",
        sa.Column("session_id", _ID, nullable=False),
        sa.Column("store_id", _ID, nullable=False),
        sa.Column("path", _PATH, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "store_id", "path"),
    )
