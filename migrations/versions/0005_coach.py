"""what the enrollment coach heard and what was accepted all the same"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("utterances", sa.Column("voices", sa.Integer(), nullable=True))
    op.add_column("utterances", sa.Column("accepted", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("utterances", "accepted")
    op.drop_column("utterances", "voices")
