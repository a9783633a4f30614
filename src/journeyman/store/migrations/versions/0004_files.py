"""Files: uploaded ones, the copies of sessions, and what sessions made."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("blob", sa.String(length=255), nullable=True),
        sa.Column("downloadable", sa.Integer(), nullable=False),
        sa.Column("scope_id", _ID, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("files_by_workspace", "files", ["workspace_id", "id"], unique=False)
    op.create_index("files_by_scope", "files", ["scope_id", "id"], unique=False)
    op.create_index("files_by_blob", "files", ["blob"], unique=False)
    op.create_index("files_by_expiry", "files", ["expires_at"], unique=False)
    op.add_column("sessions", sa.Column("resources", sa.Text(), nullable=True))
