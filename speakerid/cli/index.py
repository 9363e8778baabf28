"""`speakerid index`: look for damaged rows, and make voiceprints again."""

from __future__ import annotations

from dataclasses import asdict

import typer

from speakerid.cli.backend import open_store
from speakerid.cli.errors import refuse_if
from speakerid.cli.options import Store, with_options
from speakerid.cli.output import emit, say, table

app = typer.Typer(name="index", help="Find rows that cannot be used, and repair voiceprints.", no_args_is_help=True)


@app.command()
@with_options
def verify(options: Store) -> None:
    """Go through the whole store and name every row that cannot be used, by id. Exit code 1 if there is one.

    Speakers among them are kept, but not found; all others are served.
    """
    from speakerid.services import damage

    with open_store(options) as database, database.read() as db:
        found = damage.find(db)
    if options.as_json:
        emit({"items": [asdict(one) for one in found]})
    elif found:
        table(("kind", "id", "gallery", "what"), [(one.kind, one.id, one.gallery, one.what) for one in found])
    else:
        say("Everything can be used.")
    refuse_if(bool(found))


@app.command()
@with_options
def rebuild(options: Store) -> None:
    """Make damaged voiceprints again from their speakers' utterances. Servers follow at once."""
    from speakerid.services import damage

    with open_store(options) as database, database.write() as db:
        made = damage.rebuild(db)
    if options.as_json:
        emit({"speakers": list(made)})
    else:
        say(f"Made {len(made)} voiceprints again.")
