"""Who speaks, while it is said: one verb, `listen.listen`, and the parts of its state."""
