"""The inbox of unknown speakers: of recordings, not enrolled, kept where the gallery allows it."""
