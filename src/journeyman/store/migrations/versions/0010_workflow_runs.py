"""Threads that workflow runs make."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("threads", sa.Column("workflow_run_id", sa.String(64), nullable=True))
