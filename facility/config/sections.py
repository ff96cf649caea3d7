"""Sections of `facility.toml` that are short, of all topics. The docstring under a field is its reference text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from facility.config.section import Section, Slug
from facility.config.words import SelectorText
from facility.users import Grant, Role


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
