"""speakers are looked up by a key of their name, however it is written"""

import sqlalchemy as sa
from alembic import op

from speakerid.names import KEY_LENGTH, name_key

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 10_000
SPEAKERS = sa.table("speakers", sa.column("key"), sa.column("name"), sa.column("name_key"))


def upgrade() -> None:
    op.add_column("speakers", sa.Column("name_key", sa.String(length=KEY_LENGTH), nullable=False, server_default=""))
    _fill(op.get_bind())
    op.create_index("ix_speakers_gallery_name", "speakers", ["gallery_key", "name_key", "id"])


def _fill(connection: sa.Connection) -> None:
    update = (
        sa.update(SPEAKERS).where(SPEAKERS.c.key == sa.bindparam("of")).values(name_key=sa.bindparam("looked_up_by"))
    )
    after = 0
    while True:
        query = sa.select(SPEAKERS.c.key, SPEAKERS.c.name).where(SPEAKERS.c.key > after).order_by(SPEAKERS.c.key)
        rows = connection.execute(query.limit(ROWS_AT_ONCE)).all()
        if not rows:
            return
        connection.execute(update, [{"of": row.key, "looked_up_by": name_key(str(row.name))} for row in rows])
        after = rows[-1].key


def downgrade() -> None:
    op.drop_index("ix_speakers_gallery_name", "speakers")
    op.drop_column("speakers", "name_key")
