"""Transfer learning: adapt an encoder to one's own speakers, and keep it only if it got no worse."""
