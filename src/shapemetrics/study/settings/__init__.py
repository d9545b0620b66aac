"""A study's settings: one tree of typed sections, read from YAML."""
