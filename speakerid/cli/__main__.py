"""`python -m speakerid.cli`."""

from __future__ import annotations

from speakerid.cli.main import app

app()
