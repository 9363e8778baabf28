"""Work on speech spread over a Ray cluster by Ray Data (docs/decisions/0048)."""
