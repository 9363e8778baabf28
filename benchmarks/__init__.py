"""Measurements of the whole, run by hand: they may import anything, nothing imports them but their own tests."""
