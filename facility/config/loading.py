"""Reading `facility.toml`: once, validated whole.

Unknown keys are errors; every error names the file, the line and the key, and says what is expected.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from facility.config.errors import ConfigError
from facility.config.explaining import explained
from facility.config.model import Config
from facility.config.policies import KINDS
from facility.config.sources import made, parsed, text_of


def load(path: Path | None) -> Config:
    """Reads the configuration; `path` None means defaults and environment alone. Raises `ConfigError`."""
    return load_text("", "the environment") if path is None else load_text(text_of(path), str(path), path)


def load_text(text: str, where: str, file: Path | None = None, *, alone: bool = False) -> Config:
    """The configuration that a text means, with environment and secrets; `alone`: without, as it was once written down.

    `where` it is from is told in errors.
    """
    document = parsed(text, where)
    try:
        return made(Config, document, file, alone=alone)
    except ValidationError as error:
        raise ConfigError(explained(error, where, text, Config, KINDS)) from None
