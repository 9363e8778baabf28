"""galleries say how utterances are combined"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("galleries", sa.Column("combining", sa.String(length=16), nullable=False, server_default="mean"))


def downgrade() -> None:
    op.drop_column("galleries", "combining")
