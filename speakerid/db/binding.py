"""Before a statement is executed, every secret in it is bound to the row and the gallery that it is of.

An INSERT says both. An UPDATE of a row says its primary key, as SQLAlchemy's unit of work names it: who it is, is read
in the same transaction. Other UPDATEs cannot write secrets: db/sealing.py refuses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Executable, Insert, Table, Update, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from speakerid.db.keyring import Keyring
from speakerid.db.models import Base, RecordingRow
from speakerid.db.sealing import NAMED_BY, OF_RECORDING, SEALED_COPY, Bound, DamagedText, Owner
from speakerid.db.types import Lookup, Sealed, SealedText, Value, keyring_of

AT_ONCE = 500  # rows asked for in one statement
OPENED_AT_ONCE = 50  # rows in memory while they are looked through
Params = dict[str, Any]
Named = tuple[int, str]  # gallery and identity


def is_secret(column: Column[Any]) -> bool:
    return isinstance(column.type, Sealed) and not column.name.endswith(SEALED_COPY)


SECRETS: dict[str, tuple[Column[Any], ...]] = {
    table.name: found for table in Base.metadata.tables.values() if (found := tuple(filter(is_secret, table.c)))
}


def bind_rows(
    connection: Connection, statement: Executable, many: Sequence[Params], one: Params, _options: object
) -> tuple[Executable, Sequence[Params], Params]:
    """As SQLAlchemy's event `before_execute` wants it. Raises DataDamaged where a gallery's key is damaged."""
    rows = list(many) or [one]
    if not isinstance(statement, Insert | Update) or not isinstance(statement.table, Table):
        return statement, many, one
    table, keyring = statement.table, keyring_of(connection.dialect)
    secrets = SECRETS.get(table.name, ())
    inserted = isinstance(statement, Insert)
    if keyring is None or not any(_given(column, row, inserted) for column in secrets for row in rows):
        return statement, many, one
    named = [_said(table, row) for row in rows] if inserted else _asked(connection, table, rows)
    bound = _bound(connection, keyring, secrets, rows, _with_galleries(connection, table, named), inserted)
    return statement, (bound if many else []), ({} if many else bound[0])


def _given(column: Column[Any], row: Params, inserted: bool) -> bool:
    return column.key in row or (inserted and column.default is not None)


def _bound(
    connection: Connection,
    keyring: Keyring,
    secrets: Sequence[Column[Any]],
    rows: Sequence[Params],
    named: Sequence[Named],
    inserted: bool,
) -> list[Params]:
    keys = {gallery: keyring.of_gallery(connection, gallery) for gallery in {one[0] for one in named}}
    found = []
    for row, (gallery, identity) in zip(rows, named, strict=True):
        owner, new = Owner(keys[gallery], f"{gallery}:{identity}"), dict(row)
        for column in secrets:
            if not _given(column, row, inserted):
                continue
            value = row[column.key] if column.key in row else column.default.arg(None)  # type: ignore[union-attr]  # a function
            new[column.key] = bound = None if value is None else Bound(value, owner)
            if isinstance(column.type, Lookup):
                new[column.key + SEALED_COPY] = bound
        found.append(new)
    return found


def _identity(table: Table) -> tuple[str, ...]:
    return NAMED_BY.get(table.name, ("id",))


def _whose(table: Table) -> str:
    """The column that says whose a row is: a gallery's, or a recording's."""
    return OF_RECORDING if table.name in NAMED_BY else "gallery_key"


def _said(table: Table, row: Params) -> Named:
    return row[_whose(table)], "/".join(str(row[one]) for one in _identity(table))


def _asked(connection: Connection, table: Table, rows: Sequence[Params]) -> list[Named]:
    """Of rows that are there. Raises KeyError for an UPDATE that does not go by the primary key."""
    labels = {f"{table.name}_{column.name}": column for column in table.primary_key}
    if {_whose(table), *_identity(table)} <= {column.name for column in table.primary_key}:
        return [_said(table, {column.name: row[label] for label, column in labels.items()}) for row in rows]
    ((label, key),) = labels.items()
    columns = (key, table.c[_whose(table)], *(table.c[one] for one in _identity(table)))
    wanted, found = [row[label] for row in rows], dict[Any, Named]()
    for some in _some(wanted):
        for of, whose, *identity in connection.execute(select(*columns).where(key.in_(some))):
            found[of] = (whose, "/".join(map(str, identity)))
    return [found.get(one, (0, "")) for one in wanted]  # 0: of no gallery, erased meanwhile


def _with_galleries(connection: Connection, table: Table, named: Sequence[Named]) -> list[Named]:
    if table.name not in NAMED_BY:
        return list(named)
    galleries = dict[int, int]()
    for some in _some({one[0] for one in named}):
        query = select(RecordingRow.key, RecordingRow.gallery_key).where(RecordingRow.key.in_(some))
        galleries |= {row[0]: row[1] for row in connection.execute(query)}
    return [(galleries.get(recording, 0), identity) for recording, identity in named]


def _some(values: Iterable[Any]) -> Iterable[list[Any]]:
    found = list(values)
    return (found[at : at + AT_ONCE] for at in range(0, len(found), AT_ONCE))


def holding(
    db: Session, key: InstrumentedAttribute[Value], sealed: Any, among: ColumnElement[bool], texts: Sequence[str]
) -> list[Value]:
    """`key` of the rows, `among` those of an encrypted store, that hold one of `texts` in `sealed`; or are damaged.

    They are opened one after another, because SQL cannot look into them.
    """
    column: Sealed[Any] = sealed.type
    opened = SealedText(column.column).column_expression(sealed.expression)
    rows = db.execute(
        select(key, opened).where(among, sealed.is_not(None)), execution_options={"yield_per": OPENED_AT_ONCE}
    )
    return [of for of, text in rows if isinstance(text, DamagedText) or any(one in text for one in texts)]
