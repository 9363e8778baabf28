"""Every query of the project, a file per table. All of them stay inside one gallery; none of them commits."""
