"""A gallery moves to another encoder where it stands, while it is served (docs/decisions/0038)."""
