"""The command line. Modules here load quickly: what takes long to import is imported inside the commands."""
