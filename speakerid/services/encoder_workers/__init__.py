"""Processes that decode recordings and embed their speech, one recording at a time, for the process that serves."""
