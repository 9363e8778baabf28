"""galleries on their way to another encoder"""

import sqlalchemy as sa
from alembic import op

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reembeddings",
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("gallery_key", Key, nullable=False),
        sa.Column("from_encoder", sa.String(length=220), nullable=False),
        sa.Column("encoder_name", sa.String(length=200), nullable=False),
        sa.Column("encoder_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
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
    op.create_index("ix_reembeddings_gallery", "reembeddings", ["gallery_key", "key"])
    op.create_table(
        "reembedded",
        sa.Column("utterance_key", Key, nullable=False),
        sa.Column("reembedding_key", Key, nullable=False),
        sa.Column("gallery_key", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["reembedding_key"], ["reembeddings.key"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["utterance_key"], ["utterances.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("utterance_key"),
    )
    op.create_index("ix_reembedded_reembedding_key", "reembedded", ["reembedding_key"])


def downgrade() -> None:
    op.drop_table("reembedded")
    op.drop_table("reembeddings")
