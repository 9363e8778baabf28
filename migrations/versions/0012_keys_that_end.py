"""keys expire, have a rate, are rotated, and say on which day they were used last"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("keys", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("keys", sa.Column("requests_per_minute", sa.Integer(), nullable=True))
    op.add_column("keys", sa.Column("last_used_on", sa.Date(), nullable=True))
    op.add_column("keys", sa.Column("former_sha256", sa.String(length=64), nullable=True))
    op.add_column("keys", sa.Column("former_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_keys_former_sha256", "keys", ["former_sha256"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_keys_former_sha256", "keys")
    for name in ("former_until", "former_sha256", "last_used_on", "requests_per_minute", "expires_at"):
        op.drop_column("keys", name)
