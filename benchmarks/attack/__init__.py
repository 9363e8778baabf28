"""Attacks on the real service, on loopback, bounded in count and time: `make attack` runs every part."""
