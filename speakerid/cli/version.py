"""`speakerid version`."""

from __future__ import annotations

import speakerid
from speakerid.cli.options import Output, with_options
from speakerid.cli.output import emit, say


@with_options
def version(output: Output) -> None:
    """Print the version."""
    if output.as_json:
        emit({"version": speakerid.__version__})
    else:
        say(speakerid.__version__)
