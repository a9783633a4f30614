"""What sessions have published of their outputs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("outputs", sa.Text(), nullable=True))
