"""Moving house: a gallery becomes one file, and a file a gallery (docs/decisions/0037)."""
