"""Skills and their versions, and those of sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "skills",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("latest_id", _ID, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("skills_by_workspace", "skills", ["workspace_id", "id"], unique=False)
    op.create_table(
        "skill_versions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("skill_id", _ID, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("blob", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["skill_id"], ["skills.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("skill_versions_by_skill", "skill_versions", ["skill_id", "id"], unique=False)
    op.create_index("skill_versions_by_blob", "skill_versions", ["blob"], unique=False)
    op.add_column("sessions", sa.Column("skills", sa.Text(), nullable=True))
