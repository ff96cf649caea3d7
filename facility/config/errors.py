"""The errors of a configuration."""

from __future__ import annotations


class ConfigError(Exception):
    """The configuration cannot be used."""


class Misplaced(ValueError):
    """Each part is well written, and they do not fit together; `path` is the key that has to be another."""

    def __init__(self, text: str, *path: str | int) -> None:
        super().__init__(text)
        self.path = path
