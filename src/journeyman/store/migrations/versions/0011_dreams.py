"""Dreams, and the sessions that run them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "dreams",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("store_id", _ID, nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("in_place", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("session_id", _ID, nullable=True),
        sa.Column("output_id", _ID, nullable=True),
        sa.Column("heads", sa.Text(), nullable=True),
        sa.Column("usage", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("dreams_by_workspace", "dreams", ["workspace_id", "id"], unique=False)
    still_open = sa.text("stopped_at IS NULL")
    op.create_index("dreams_open", "dreams", ["id"], unique=False, postgresql_where=still_open, sqlite_where=still_open)
    op.add_column("sessions", sa.Column("dream_id", _ID, nullable=True))
