"""The whole configuration, for the verbs that need more of it than where the agent is."""

from __future__ import annotations

from pathlib import Path

from facility.cli.common import Exit, fail, file_of
from facility.config.errors import ConfigError
from facility.config.loading import load
from facility.config.model import Config


def configuration(path: Path | None) -> Config:
    """The given file, or ./facility.toml if there is one, or the defaults."""
    try:
        return load(file_of(path))
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)
