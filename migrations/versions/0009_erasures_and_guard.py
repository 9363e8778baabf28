"""erasures that are still to be scrubbed, and stores that stay closed once they had keys"""

import sqlalchemy as sa
from alembic import op

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", Key, nullable=False),
        sa.Column("page", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "guard",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO guard (id, since) SELECT 1, created_at FROM keys ORDER BY key LIMIT 1")
    if op.get_context().dialect.name == "sqlite":  # an earlier version may have been ended amid an erasure
        op.execute("INSERT INTO erasures (page) SELECT 0 WHERE EXISTS (SELECT 1 FROM galleries)")


def downgrade() -> None:
    op.drop_table("guard")
    op.drop_table("erasures")
