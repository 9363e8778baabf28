"""who asked or changed what, and whose consent ends or was withdrawn"""

import sqlalchemy as sa
from alembic import op

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_events",
        sa.Column("id", Key, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=200), nullable=False),
        sa.Column("gallery", sa.String(length=64), nullable=True),
        sa.Column("speaker_id", sa.String(length=40), nullable=True),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_access_events_at", "access_events", ["at"])
    op.create_index("ix_access_events_speaker_id", "access_events", ["speaker_id"])
    op.add_column("speakers", sa.Column("consent_expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("speakers", sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("speakers", "opted_out_at")
    op.drop_column("speakers", "consent_expires_at")
    op.drop_table("access_events")
