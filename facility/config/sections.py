"""The sections of `facility.toml`. The docstring under a field is its reference text."""

from __future__ import annotations

import difflib
import re
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

SLUG = r"^[a-z0-9][a-z0-9-]{0,47}$"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


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


class StaticDevice(Section):
    instance: Annotated[int, Field(ge=0, le=4_194_302)]
    address: str
    """MAC: `10.1.2.3:47808` for BACnet/IP, `12` for MS/TP behind a router."""
    network: Annotated[int, Field(ge=0, le=65_534)] = 0
    """0 is the local network."""


def _is_charset(name: str) -> str:
    try:
        "".encode(name)  # raises also for the codecs of Python that are no character sets
    except (LookupError, ValueError):
        raise ValueError(f"{name!r} is not a character set; write latin-1, cp1252, cp850, utf-8, ...") from None
    return name


class PassportSection(Section):
    """What the site says of a device; it wins over what the agent finds out."""

    instance: Annotated[int, Field(ge=0, le=4_194_302)]
    """Which device."""
    network: Annotated[int, Field(ge=0, le=65_534)] | None = None
    """The network it is on, where the instance is there more than once; 0 is the local network."""
    reads_multiple: bool | None = None
    """Whether ReadPropertyMultiple may be used."""
    rpm_limit: Annotated[int, Field(ge=1, le=500)] | None = None
    """Most properties in one request."""
    max_apdu: Annotated[int, Field(ge=50, le=1476)] | None = None
    """Longest answer, in octets, that arrives on the way to us."""
    segments: bool | None = None
    """Whether its segmented answers arrive."""
    cov_slots: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Most COV subscriptions; 0 polls everything."""
    outstanding: Annotated[int, Field(ge=1, le=32)] | None = None
    """Confirmed requests at once."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] | None = None
    """How long an answer is waited for."""
    retries: Annotated[int, Field(ge=0, le=10)] | None = None
    """How often a read is repeated after silence; writes never are."""
    charset: Annotated[str, AfterValidator(_is_charset)] | None = None
    """What its strings are in truth (`latin-1`), whatever they are labelled."""

    @property
    def overrule(self) -> dict[str, Any]:
        """What is said, by the names of `points.passport.Passport`."""
        said = self.model_dump(exclude={"instance", "network", "timeout_s"}, exclude_none=True)
        return said if self.timeout_s is None else {**said, "timeout": self.timeout_s}

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.overrule:
            raise ValueError(f"nothing is said of device {self.instance}; known keys: {', '.join(_said_keys())}")
        return self


def _said_keys() -> list[str]:
    return [key for key in PassportSection.model_fields if key not in ("instance", "network")]


class BacnetSection(Section):
    address: str = "0.0.0.0:47808"
    """Our own address: `10.1.2.10/24:47808`. The mask is what makes broadcasts work."""
    instance: Annotated[int, Field(ge=0, le=4_194_302)] = 4_190_000
    """Our own device instance; must be unique on the internetwork."""
    foreign: str | None = None
    """`host:port` of a BBMD to register with, where broadcasts do not reach the devices."""
    foreign_ttl: Annotated[int, Field(ge=30, le=3600)] = 60
    """Seconds a registration lasts; renewed at half of it."""
    targets: list[str] = []
    """Where Who-Is goes besides our own broadcast domain: `11:*` (a network) or `10.1.2.3` (an address)."""
    low: Annotated[int, Field(ge=0, le=4_194_302)] = 0
    """First device instance asked for."""
    high: Annotated[int, Field(ge=0, le=4_194_302)] = 4_194_302
    """Last device instance asked for."""
    devices: list[StaticDevice] = []
    """Devices that are asked directly, where broadcast cannot work."""
    rediscover_hours: Annotated[float, Field(ge=0)] = 24.0
    """How often the building is looked through again; 0 is never."""
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 3.0
    """How long an answer is waited for."""
    max_outstanding_per_network: Annotated[int, Field(ge=1, le=64)] = 4
    """Requests at once into one network behind a router, to all of its devices together."""
    requests_per_second: Annotated[float, Field(gt=0, le=10_000)] = 50.0
    """Packet budget of one network behind a router."""
    local_requests_per_second: Annotated[float, Field(gt=0, le=100_000)] = 2000.0
    """Packet budget of the network we are on."""
    who_is_per_minute: Annotated[int, Field(ge=1, le=600)] = 180
    """Most Who-Is broadcasts of a discovery: each makes every device of its range answer."""
    passport: list[PassportSection] = []
    """What is known of single devices, see README; it wins over what the agent finds out."""

    @model_validator(mode="after")
    def _one_word_of_each(self) -> Self:
        said = [(entry.instance, entry.network) for entry in self.passport]
        for instance, network in {key for key in said if said.count(key) > 1}:
            where = "" if network is None else f" on network {network}"
            raise ValueError(f"two entries [[bacnet.passport]] are about device {instance}{where}")
        return self


class MqttSection(Section):
    enabled: bool = True
    """Off keeps the section without using it."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    username: str | None = None
    password: SecretStr | None = None
    """Environment `FACILITY_MQTT__PASSWORD` or a secrets directory only; never the file."""
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    allow_insecure: bool = False
    """Speak without TLS to a broker that is not on this machine; shown on every screen."""
    root: str = "fac/v1"
    """First levels of every topic."""


class HistorySection(Section):
    enabled: bool = True
    raw_days: Annotated[int, Field(ge=3, le=366)] = 14
    """Days that every reading is kept."""
    rollup_years: Annotated[int, Field(ge=1, le=50)] = 5
    """Years that 15-minute roll-ups are kept."""


class ApiSection(Section):
    socket: Path | None = None
    """The Unix socket screens attach to. Default: `agent.sock` in the state folder."""
    group: str | None = None
    """Group that may open the socket; without one, only the agent's own user."""


Role = Literal["viewer", "operator", "engineer", "admin"]


class HolidayEntry(Section):
    day: date
    name: str


def _is_change(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d [a-z0-9-]+", text):
        raise ValueError(f"{text!r} is not a change; write a time and a state, such as '06:30 occupied'")
    return text


Change = Annotated[str, AfterValidator(_is_change)]
"""`07:00 occupied`: from then on the programme is in that state."""


def parse_change(change: str) -> tuple[time, str]:
    """`07:00 occupied` -> (07:00, "occupied")."""
    at, state = change.split(" ", 1)
    return time.fromisoformat(at), state


class ExceptionEntry(Section):
    name: str
    first: date
    last: date | None = None
    """Last day, inclusive; one day where it is missing."""
    changes: list[Change] = []
    """What happens on such a day; empty: the default state all day."""
    precedence: Annotated[int, Field(ge=1, le=16)] = 8
    """Lower numbers win where exceptions overlap."""


class ProgrammeSection(Section):
    name: Slug
    default: str = "unoccupied"
    """State before the first change of a day."""
    monday: list[Change] = []
    tuesday: list[Change] = []
    wednesday: list[Change] = []
    thursday: list[Change] = []
    friday: list[Change] = []
    saturday: list[Change] = []
    sunday: list[Change] = []
    weekdays: list[Change] = []
    """For Monday to Friday, where the day itself says nothing."""
    holidays: list[Change] | None = None
    """What happens on a public holiday; missing: holidays are ordinary days."""
    exceptions: list[ExceptionEntry] = []

    def day(self, weekday: int) -> list[str]:
        """The changes of a weekday, Monday being 0."""
        own: list[str] = getattr(self, DAYS[weekday])
        return own or (self.weekdays if weekday < 5 else [])

    @property
    def states(self) -> set[str]:
        """Every state it can be in."""
        days = [self.day(weekday) for weekday in range(7)] + [self.holidays or []]
        changes = [change for day in days for change in day]
        changes += [change for entry in self.exceptions for change in entry.changes]
        return {self.default, *(parse_change(change)[1] for change in changes)}


class WeeklyPolicy(Section):
    """Holds points at the values of a programme's present state."""

    kind: Literal["weekly"]
    name: Slug
    programme: Slug
    points: str
    """Selector of the points, e.g. `class:heating-setpoint space-type:admin_office`."""
    values: dict[str, float | bool | int | str]
    """State of the programme -> value; a state without one releases."""

    @property
    def states(self) -> set[str]:
        return set(self.values)


class OfficeSetbackPolicy(Section):
    """Relaxes setpoints of an office that nobody is in, during occupied hours."""

    kind: Literal["office-setback"]
    name: Slug
    programme: Slug
    occupied_state: str = "occupied"
    heating: str
    """Selector of the heating setpoints."""
    cooling: str
    """Selector of the cooling setpoints."""
    heating_c: float = 21.0
    cooling_c: float = 24.0
    standby_k: Annotated[float, Field(gt=0, le=3)] = 0.5
    vacant_minutes: Annotated[float, Field(ge=1, le=120)] = 5.0

    @property
    def states(self) -> set[str]:
        return {self.occupied_state}


class LightingSweepPolicy(Section):
    """Switches lights off at night where nobody is."""

    kind: Literal["lighting-sweep"]
    name: Slug
    programme: Slug
    sweep_state: str = "swept"
    points: str
    """Selector of the relays or lighting outputs."""

    @property
    def states(self) -> set[str]:
        return {self.sweep_state}


PolicySection = Annotated[WeeklyPolicy | OfficeSetbackPolicy | LightingSweepPolicy, Field(discriminator="kind")]


class PointSection(Section):
    match: str
    """Which points the rule is about: a glob over point ids (`ahu-1/*`) or a selector."""
    point_class: str | None = None
    safety: Literal["comfort", "critical", "medical", "life-safety", "unknown"] | None = None
    """Lowering it is a decision a person takes by writing it here."""
    space: Slug | None = None
    equipment: Slug | None = None
    access: Literal["monitor-only"] | None = None
    deadline_s: Annotated[float, Field(ge=1)] | None = None
    """How old the value may become."""
    limit_low: float | None = None
    limit_high: float | None = None

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.limit_low is not None and self.limit_high is not None and self.limit_low >= self.limit_high:
            raise ValueError(f"limit_low {self.limit_low:g} must be below limit_high {self.limit_high:g}")
        return self


class SpaceSection(Section):
    id: Slug
    name: str
    type: str
    """A key of the clinical profiles: `operating_room`, `admin_office`, ..."""
    match: list[str] = []
    """Globs over point ids that belong to the space."""
