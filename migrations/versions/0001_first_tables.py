"""first tables"""

import sqlalchemy as sa
from alembic import op

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _transaction_id() -> sa.TextClause:
    postgresql = op.get_context().dialect.name == "postgresql"
    return sa.text("(pg_current_xact_id()::text::bigint)") if postgresql else sa.text("0")


def upgrade() -> None:
    op.create_table(
        "galleries",
        sa.Column("key", Key, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("encoder_name", sa.String(length=200), nullable=False),
        sa.Column("encoder_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("target_fpir", sa.Double(), nullable=False),
        sa.Column("min_speech_s", sa.Double(), nullable=False),
        sa.Column("enroll_speech_s", sa.Double(), nullable=False),
        sa.Column("keep_audio", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "index_changes",
        sa.Column("id", Key, nullable=False),
        sa.Column("txid", Key, server_default=_transaction_id(), nullable=False),
        sa.Column("gallery_key", Key, nullable=False),
        sa.Column("speaker_key", Key, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_index_changes_gallery_id", "index_changes", ["gallery_key", "id"])
    op.create_index("ix_index_changes_gallery_txid", "index_changes", ["gallery_key", "txid"])

    op.create_table(
        "keys",
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("galleries", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("secret_sha256"),
    )
    op.create_table(
        "speakers",
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("gallery_key", Key, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("consent", sa.JSON(), nullable=False),
        sa.Column("voiceprint", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["gallery_key"], ["galleries.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("gallery_key", "external_id"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_speakers_gallery_id", "speakers", ["gallery_key", "id"])

    op.create_table(
        "repeats",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("gallery_key", Key, nullable=False),
        sa.Column("speaker_key", Key, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["gallery_key"], ["galleries.key"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["speaker_key"], ["speakers.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_repeats_created_at", "repeats", ["created_at"])
    op.create_index("ix_repeats_speaker_key", "repeats", ["speaker_key"])

    op.create_table(
        "utterances",
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("gallery_key", Key, nullable=False),
        sa.Column("speaker_key", Key, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("speech_s", sa.Double(), nullable=False),
        sa.Column("snr_db", sa.Double(), nullable=True),
        sa.Column("clipping_ratio", sa.Double(), nullable=False),
        sa.Column("bandwidth_hz", sa.Integer(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.Column("encoder_name", sa.String(length=200), nullable=False),
        sa.Column("encoder_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("audio", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["gallery_key"], ["galleries.key"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["speaker_key"], ["speakers.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("gallery_key", "sha256"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_utterances_speaker_key", "utterances", ["speaker_key"])


def downgrade() -> None:
    op.drop_table("repeats")
    op.drop_table("utterances")
    op.drop_table("speakers")
    op.drop_table("keys")
    op.drop_table("index_changes")
    op.drop_table("galleries")
