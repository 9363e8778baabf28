"""The inbox of unknown voices: heard in recordings, nobody enrolled, kept where the gallery allows it."""
