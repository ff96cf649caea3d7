"""Which site and agent it is, where the agent keeps its state, and where it listens.

Read without the rest of `facility.toml`: what is wrong with a policy hinders nobody from asking the agent.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from facility.config.errors import ConfigError
from facility.config.explaining import explained
from facility.config.places import line_of
from facility.config.section import Section, Slug
from facility.config.sources import Sourced, made, parsed, text_of
from schedules.holiday_dates import holidays_of
from schedules.sun import Place


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        raise ValueError(f"{name!r} is not an IANA time zone" + (f"; did you mean {near[0]!r}?" if near else ""))
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]


class Site(Section):
    id: Slug = "site"
    """Short name of the site, a level of every MQTT topic."""
    name: str = "My hospital"
    """The name on the screens."""
    zone: Zone = "UTC"
    """IANA time zone; schedules are in its civil time."""
    country: str | None = None
    """ISO code whose public holidays apply (`US`), see the `holidays` package."""
    subdivision: str | None = None
    """State or region within the country (`IL`)."""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    """Where the site is, in degrees, north positive; for programmes that go by the sun."""
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    """The same, east positive."""

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("a place needs both latitude and longitude")
        return self

    @model_validator(mode="after")
    def _has_known_holidays(self) -> Self:
        holidays_of(self.country or "", self.subdivision, ())
        return self

    @property
    def place(self) -> Place | None:
        return None if self.latitude is None or self.longitude is None else Place(self.latitude, self.longitude)

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


class AgentSection(Section):
    id: Slug = "main"
    """This agent among those of the site, a level of every MQTT topic."""
    state_dir: Path | None = None
    """Where databases, lock and socket live. Default: `$XDG_STATE_HOME/facility/<site>`."""
    log: Literal["debug", "info", "warning", "error"] = "info"
    """The least important line that is logged."""
    pretend: bool = False
    """The building is a simulation; every screen says so."""


class ApiSection(Section):
    socket: Path | None = None
    """The Unix socket screens attach to. Default: `agent.sock` in the state folder."""
    group: str | None = None
    """Group that may open the socket; without one, only the agent's own user."""


class AuditSection(Section):
    key_file: Path | None = None
    """The key that signs the audit's head; made at the first start. Default: `audit.key` in the state folder."""
    anchor_file: Path | None = None
    """Every signed head is appended here; best on another machine or disk. Default: `audit-anchors.jsonl` in the state
    folder."""
    anchor_minutes: Annotated[float, Field(ge=1, le=1440)] = 5
    """How often the head is signed."""


class Whereabouts(Sourced):
    """What has to be known of an agent to speak with it."""

    model_config = SettingsConfigDict(extra="ignore")

    site: Site = Site()
    agent: AgentSection = AgentSection()
    api: ApiSection = ApiSection()
    audit: AuditSection = AuditSection()

    @property
    def state_dir(self) -> Path:
        if self.agent.state_dir is not None:
            return self.agent.state_dir.expanduser()
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        return base / "facility" / self.site.id

    @property
    def socket(self) -> Path:
        return (self.api.socket or self.state_dir / "agent.sock").expanduser()

    @property
    def audit_key(self) -> Path:
        return (self.audit.key_file or self.state_dir / "audit.key").expanduser()

    @property
    def anchor_file(self) -> Path:
        return (self.audit.anchor_file or self.state_dir / "audit-anchors.jsonl").expanduser()


def whereabouts(path: Path | None) -> Whereabouts:
    """As the file says; `path` None means defaults and environment alone. Raises `ConfigError`."""
    text, where = ("", "the environment") if path is None else (text_of(path), str(path))
    document = parsed(text, where)
    for key in document:
        near = difflib.get_close_matches(key.lower(), Whereabouts.model_fields, n=1)
        if near and key.lower() not in Whereabouts.model_fields:  # where the agent is must not be guessed
            line = line_of(text, [key])
            place = "" if line is None else f"line {line}: "
            raise ConfigError(f"{where}: {place}{key}: unknown key; did you mean {near[0]!r}?")
    try:
        return made(Whereabouts, document, path)
    except ValidationError as error:
        raise ConfigError(explained(error, where, text, Whereabouts, {})) from None
