"""Who speaks in a stream: one verb, `listen.listen`, and the parts of its state."""
