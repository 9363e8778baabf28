"""recordings: jobs that find out who speaks when, and their audio until then"""

import sqlalchemy as sa
from alembic import op

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("gallery_key", Key, nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=True),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("webhook", sa.Text(), nullable=True),
        sa.Column("webhook_tries", sa.Integer(), nullable=False),
        sa.Column("webhook_due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["gallery_key"], ["galleries.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recordings_gallery_id", "recordings", ["gallery_key", "id"])
    op.create_index("ix_recordings_state", "recordings", ["state", "lease_until"])
    op.create_index("ix_recordings_key_id", "recordings", ["key_id"])
    op.create_index("ix_recordings_webhook_due", "recordings", ["webhook_due"])
    op.create_table(
        "recording_pieces",
        sa.Column("recording_key", Key, nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["recording_key"], ["recordings.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("recording_key", "nth"),
    )


def downgrade() -> None:
    op.drop_table("recording_pieces")
    op.drop_table("recordings")
