"""a store can be encrypted: keys of galleries, and longer texts"""

import sqlalchemy as sa
from alembic import op

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Sealed text is longer. SQLite does not look at lengths.
LONGER = (
    ("speakers", "name", 200),
    ("speakers", "name_key", 600),
    ("speakers", "external_id", 200),
    ("utterances", "sha256", 64),
    ("recordings", "name", 200),
    ("recordings", "sha256", 64),
    ("repeats", "request_sha256", 64),
)


def upgrade() -> None:
    op.create_table(
        "encryption",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("master_id", sa.String(length=16), nullable=False),
        sa.Column("unfinished", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "gallery_keys",
        sa.Column("gallery_key", Key, autoincrement=False, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["gallery_key"], ["galleries.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("gallery_key"),
    )
    op.add_column("speakers", sa.Column("external_id_sealed", sa.Text(), nullable=True))
    op.add_column("utterances", sa.Column("sha256_sealed", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        for table, column, length in LONGER:
            op.alter_column(table, column, type_=sa.Text(), existing_type=sa.String(length=length))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, column, length in LONGER:
            op.alter_column(table, column, type_=sa.String(length=length), existing_type=sa.Text())
    op.drop_column("utterances", "sha256_sealed")
    op.drop_column("speakers", "external_id_sealed")
    op.drop_table("gallery_keys")
    op.drop_table("encryption")
