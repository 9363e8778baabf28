"""Recordings as jobs: sent in, gone through by a worker, answered, forgotten. A verb per file."""
