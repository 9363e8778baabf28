"""The documentation as a web site: the pages of the repository and a reference of the HTTP API."""
