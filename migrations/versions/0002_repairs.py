"""repairs: merges and moves, with what undoing them needs"""

import sqlalchemy as sa
from alembic import op

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repairs",
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("gallery_key", Key, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("speaker_id", sa.String(length=40), nullable=True),
        sa.Column("into_id", sa.String(length=40), nullable=True),
        sa.Column("utterance_ids", sa.JSON(), nullable=False),
        sa.Column("merged", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["gallery_key"], ["galleries.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_repairs_gallery_key", "repairs", ["gallery_key"])


def downgrade() -> None:
    op.drop_table("repairs")
