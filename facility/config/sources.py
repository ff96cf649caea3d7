"""Where settings come from: the environment, the secrets directory, and a text; the strongest first.

Environment variables are `FACILITY_BACNET__ADDRESS=...`, secrets are files such as `mqtt__password`. Secrets are never
read from the text.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from facility.config.errors import ConfigError


class Sourced(BaseSettings):
    """Settings of the agent."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="FACILITY_", env_nested_delimiter="__")

    source: ClassVar[Path | None] = None
    """The file it was read from; None where there was none."""
    written: ClassVar[Mapping[str, Any]] = {}
    """What the text says."""
    alone: ClassVar[bool] = False
    """Nothing but the text counts."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        written = InitSettingsSource(settings_cls, dict(cls.written))
        if cls.alone:
            return (written,)
        secrets = NestedSecretsSettingsSource(file_secret_settings, secrets_nested_delimiter="__", secrets_prefix="")
        return (init_settings, env_settings, secrets, written)


Settings = TypeVar("Settings", bound=Sourced)


def made(settings: type[Settings], document: Mapping[str, Any], file: Path | None, *, alone: bool = False) -> Settings:
    """Settings by what a document says, under environment and secrets; `alone`: without them.

    Raises `pydantic.ValidationError`, and `ConfigError` for what the environment says in no readable way.
    """
    secrets, only = None if alone else _secrets_folder(), alone

    class FromText(settings):  # type: ignore[valid-type, misc]
        source: ClassVar[Path | None] = file
        written: ClassVar[Mapping[str, Any]] = document
        alone: ClassVar[bool] = only
        model_config = SettingsConfigDict(secrets_dir=secrets)

    try:
        found: Settings = FromText()
    except SettingsError as error:
        why = "" if error.__cause__ is None else f": {error.__cause__}"
        raise ConfigError(f"the environment: {error}{why}") from None
    return found


def _secrets_folder() -> Path | None:
    """As the environment says. systemd names one to shells at the console that is not there: then there is none."""
    if given := os.environ.get("FACILITY_SECRETS_DIR"):
        if _is_folder(given):
            return Path(given).expanduser()
        raise ConfigError(f"FACILITY_SECRETS_DIR says {given}, which is no folder to be read: make it, or unset it.")
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(given) if given and _is_folder(given) else None


def _is_folder(name: str) -> bool:
    try:
        return Path(name).expanduser().is_dir()
    except (OSError, RuntimeError):  # it lies where we may not look; nobody has that home
        return False


def text_of(path: Path) -> str:
    """What the file says. Raises `ConfigError`."""
    try:
        return path.read_bytes().decode("utf-8-sig")  # line ends as they are; a mark of the byte order is no word
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration file {path}. `facility demo` needs none; see README.md."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None


def parsed(text: str, where: str) -> dict[str, Any]:
    """What the text says. Raises `ConfigError`; `where` it is from is told in it."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is not valid TOML: {error}") from None
    if "client_secret" in document.get("demand_response", {}).get("openadr", {}):
        raise ConfigError(
            f"{where}: demand_response.openadr.client_secret does not belong into the file. "
            "Set FACILITY_DEMAND_RESPONSE__OPENADR__CLIENT_SECRET, or put a file "
            "demand_response__openadr__client_secret into $FACILITY_SECRETS_DIR."
        )
    if "password" in document.get("mqtt", {}):
        raise ConfigError(
            f"{where}: mqtt.password does not belong into the file. "
            "Set FACILITY_MQTT__PASSWORD, or put a file mqtt__password into $FACILITY_SECRETS_DIR."
        )
    return document
