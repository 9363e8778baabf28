"""voices of recordings that are nobody enrolled, and where they were heard"""

import sqlalchemy as sa
from alembic import op

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "galleries", sa.Column("keep_unknown_voices", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("recordings", sa.Column("sha256", sa.String(length=64), nullable=True))
    op.create_table(
        "unknown_voices",
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("gallery_key", Key, nullable=False),
        sa.Column("encoder_name", sa.String(length=200), nullable=False),
        sa.Column("encoder_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("voiceprint", sa.LargeBinary(), nullable=False),
        sa.Column("recordings", sa.Integer(), nullable=False),
        sa.Column("speech_s", sa.Double(), nullable=False),
        sa.Column("first_heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["gallery_key"], ["galleries.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_unknown_voices_gallery_id", "unknown_voices", ["gallery_key", "id"])
    op.create_table(
        "hearings",
        sa.Column("key", Key, nullable=False),
        sa.Column("voice_key", Key, nullable=True),
        sa.Column("utterance_key", Key, nullable=True),
        sa.Column("recording_key", Key, nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("turns", sa.JSON(), nullable=False),
        sa.Column("speech_s", sa.Double(), nullable=False),
        sa.Column("snr_db", sa.Double(), nullable=True),
        sa.Column("clipping_ratio", sa.Double(), nullable=False),
        sa.Column("bandwidth_hz", sa.Integer(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["voice_key"], ["unknown_voices.key"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["utterance_key"], ["utterances.key"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["recording_key"], ["recordings.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("recording_key", "label"),
    )
    op.create_index("ix_hearings_voice_key", "hearings", ["voice_key"])
    op.create_index("ix_hearings_utterance_key", "hearings", ["utterance_key"])


def downgrade() -> None:
    op.drop_table("hearings")
    op.drop_table("unknown_voices")
    op.drop_column("recordings", "sha256")
    op.drop_column("galleries", "keep_unknown_voices")
