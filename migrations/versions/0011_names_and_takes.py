"""recordings have a name, and utterances a fingerprint of their take"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recordings", sa.Column("name", sa.String(length=200), nullable=True))
    op.add_column("utterances", sa.Column("fingerprint", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("utterances", "fingerprint")
    op.drop_column("recordings", "name")
