"""tags of speakers, and the audio that a key may send a day"""

import sqlalchemy as sa
from alembic import op

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "speaker_tags",
        sa.Column("speaker_key", Key, nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("gallery_key", Key, nullable=False),
        sa.ForeignKeyConstraint(["speaker_key"], ["speakers.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("speaker_key", "tag"),
    )
    op.create_index("ix_speaker_tags_gallery_tag", "speaker_tags", ["gallery_key", "tag", "speaker_key"])
    op.add_column("keys", sa.Column("audio_seconds_per_day", sa.Integer(), nullable=True))
    op.add_column("keys", sa.Column("audio_day", sa.Date(), nullable=True))
    op.add_column("keys", sa.Column("audio_s", sa.Double(), nullable=False, server_default=sa.text("0")))
    op.add_column("recordings", sa.Column("counted_s", sa.Double(), nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    op.drop_column("recordings", "counted_s")
    for column in ("audio_s", "audio_day", "audio_seconds_per_day"):
        op.drop_column("keys", column)
    op.drop_table("speaker_tags")
