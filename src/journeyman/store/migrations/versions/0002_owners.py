"""Who runs a session, and on which host its sandbox is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "owners",
        sa.Column("id", _ID, nullable=False),
        sa.Column("host", _ID, nullable=False),
        sa.Column("works", sa.Boolean(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("sessions", sa.Column("owner", _ID, nullable=True))
    op.add_column("sessions", sa.Column("host", _ID, nullable=True))
    op.create_index("sessions_by_owner", "sessions", ["owner"], unique=False)
