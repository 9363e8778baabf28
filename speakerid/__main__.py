"""`python -m speakerid`: the command line."""

from __future__ import annotations

from speakerid.cli.main import app

app()
