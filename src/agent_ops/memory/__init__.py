"""Patterns: what employees of one profile ended up with."""
