"""Sections of `facility.toml` that are short, of all topics. The docstring under a field is its reference text."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, SecretStr, model_validator

from facility.config.section import Section
from facility.config.words import SelectorText
from facility.users import Grant, Role
from schedules.holiday_dates import holidays_of
from schedules.sun import Place

SLUG = r"^[a-z0-9][a-z0-9-]{0,47}$"


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        raise ValueError(f"{name!r} is not an IANA time zone" + (f"; did you mean {near[0]!r}?" if near else ""))
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]
Slug = Annotated[str, Field(pattern=SLUG)]


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


class MqttSection(Section):
    enabled: bool = True
    """Off keeps the section without using it."""
    host: str = "127.0.0.1"
    """Where the broker is."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    """8883 is usual with TLS."""
    username: str | None = None
    """How the agent is known to the broker."""
    password: SecretStr | None = None
    """Environment `FACILITY_MQTT__PASSWORD` or a secrets directory only; never the file."""
    tls: bool = False
    """Speak TLS, and check the broker's certificate."""
    ca_file: Path | None = None
    """Who vouches for the broker, where it is none of those the machine trusts."""
    cert_file: Path | None = None
    """Our own certificate, where the broker asks for one."""
    key_file: Path | None = None
    """Its key."""
    allow_insecure: bool = False
    """Speak without TLS to a broker that is not on this machine; shown on every screen."""
    root: str = "fac/v1"
    """First levels of every topic."""


class HistorySection(Section):
    enabled: bool = True
    """Off keeps no history: screens show no trends."""
    raw_days: Annotated[int, Field(ge=3, le=366)] = 14
    """Days that every reading is kept."""
    rollup_years: Annotated[int, Field(ge=1, le=50)] = 5
    """Years that 15-minute roll-ups are kept."""


class RecorderSection(Section):
    enabled: bool = True
    """Off keeps no record of what policies saw and decided: no day can be replayed."""
    days: Annotated[int, Field(ge=1, le=366)] = 14
    """Days that the record is kept."""


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


class UserSection(Section):
    """Who may do what here, and where. Where a role alone says it, it stands for the section: `rdiaz = "operator"`."""

    role: Role
    """viewer: look. operator: also acknowledge, command, search, read the audit. engineer, admin: everything. auditor:
    read the audit, nothing else. service: look, for programs."""
    spaces: Annotated[list[str], Field(min_length=1)] | None = None
    """Ids or types of the spaces in which he may act. Missing: everywhere, and on what has no space as well."""

    @model_validator(mode="before")
    @classmethod
    def _role_alone(cls, given: object) -> object:
        return {"role": given} if isinstance(given, str) else given

    @property
    def grant(self) -> Grant:
        return Grant(role=self.role, spaces=frozenset(self.spaces or ()))


class PointSection(Section):
    """What the site says of points; it wins over what the agent understood."""

    match: SelectorText
    """Which points the rule is about: a glob over point ids (`ahu-1/*`) or a selector."""
    point_class: str | None = None
    """What the point is: `temperature-setpoint`, `fan-speed`, ...; `facility points` shows what was understood."""
    safety: Literal["comfort", "critical", "medical", "life-safety", "unknown"] | None = None
    """Lowering it is a decision a person takes by writing it here."""
    space: Slug | None = None
    """The space it belongs to."""
    equipment: Slug | None = None
    """The equipment it belongs to."""
    access: Literal["monitor-only"] | None = None
    """Never commanded, whatever else is said of it."""
    deadline_s: Annotated[float, Field(ge=1)] | None = None
    """How old the value may become."""
    limit_low: float | None = None
    """Below it the value is out of range, in the point's own unit; wins over the clinical profile."""
    limit_high: float | None = None
    """Above it the value is out of range."""
    tags: list[Slug] = []
    """Words of your own for these points, for selectors: `["clinic-b"]` here, `tag:clinic-b` there. Rules add up."""

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.limit_low is not None and self.limit_high is not None and self.limit_low >= self.limit_high:
            raise ValueError(f"limit_low {self.limit_low:g} must be below limit_high {self.limit_high:g}")
        return self


class EquipmentSection(Section):
    """What a machine serves. Without it, plans say that it is not known, and that is taken for critical; equipment that
    serves a critical space is critical, whatever it was taken for.
    """

    id: Slug
    """Which machine: `ahu-4`; `facility points --json` shows the `equipment` of every point."""
    serves: Annotated[list[Slug], Field(min_length=1)]
    """Ids of the spaces that it serves, and of equipment that it feeds and that serves them."""
    tags: list[Slug] = []
    """Words of your own for selectors (`tag:clinic-b`); they hold for every point of the machine."""


class SpaceSection(Section):
    """A room or a group of rooms."""

    id: Slug
    """How selectors and topics name it."""
    name: str
    """The name on the screens."""
    type: str
    """A key of the clinical profiles: `operating_room`, `admin_office`, ..."""
    match: list[SelectorText] = []
    """Globs over point ids that belong to the space."""
    tags: list[Slug] = []
    """Words of your own for selectors (`tag:clinic-b`); they hold for every point that is in the space."""
