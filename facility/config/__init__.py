"""`facility.toml`, read once, validated whole, frozen.

Precedence: environment (`FACILITY_BACNET__ADDRESS=...`) over the secrets directory over the file over
the defaults. Unknown keys are errors; every error names the file and the key and says what is expected.
Secrets (`mqtt.password`) are never read from the file.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any, ClassVar, get_args, get_origin

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from facility.config.bacnet import BacnetSection
from facility.config.demand_response import DemandResponseSection
from facility.config.device_schedules import DeviceScheduleSection
from facility.config.energy import EnergySection
from facility.config.errors import ConfigError, Misplaced
from facility.config.feeds import FeedsSection
from facility.config.places import line_of
from facility.config.policies import KINDS, PolicySection
from facility.config.programmes import Around, CalendarSection, HolidayEntry, ProgrammeSection
from facility.config.sections import (
    AgentSection,
    ApiSection,
    AuditSection,
    EquipmentSection,
    HistorySection,
    MqttSection,
    PointSection,
    RecorderSection,
    Site,
    SpaceSection,
    UserSection,
)


class Config(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="FACILITY_", env_nested_delimiter="__", use_attribute_docstrings=True
    )

    source: ClassVar[Path | None] = None
    """The file it was read from; None where there was none."""

    site: Site = Site()
    agent: AgentSection = AgentSection()
    bacnet: BacnetSection = BacnetSection()
    mqtt: MqttSection | None = None
    """The broker that state is mirrored to; without the section, none."""
    history: HistorySection = HistorySection()
    recorder: RecorderSection = RecorderSection()
    api: ApiSection = ApiSection()
    audit: AuditSection = AuditSection()
    energy: EnergySection = EnergySection()
    feeds: FeedsSection = FeedsSection()
    demand_response: DemandResponseSection = DemandResponseSection()
    users: dict[str, UserSection] = {}
    """By login name on this machine. Who is neither here nor in one of the groups may do nothing, but for the account
    that the agent runs under and root, who are engineers."""
    groups: dict[str, UserSection] = {}
    """By Unix group, for its members. An entry of their own in `users` wins; of several groups, the strongest role."""
    profiles: Path | None = None
    """The site's own clinical profiles, laid over the shipped ones."""
    holidays: list[HolidayEntry] = []
    """The site's own holidays, besides the country's."""
    calendars: list[CalendarSection] = []
    programmes: list[ProgrammeSection] = []
    device_schedules: list[DeviceScheduleSection] = []
    policies: list[PolicySection] = []
    """In order of precedence: where two want the same slot of a point, the earlier one wins."""
    points: list[PointSection] = []
    spaces: list[SpaceSection] = []
    equipment: list[EquipmentSection] = []

    @model_validator(mode="after")
    def _programmes_exist(self) -> Config:
        names = [programme.name for programme in self.programmes]
        states = {programme.name: programme.states for programme in self.programmes}
        for number, policy in enumerate(self.policies):
            for programme, said in policy.follows.items():
                if programme not in states:
                    known = ", ".join(names) or "none"
                    text = f"policy {policy.name!r} follows programme {programme!r}; known: {known}"
                    raise Misplaced(text, "policies", number, *policy.key_of(programme))
                if strange := sorted(said - states[programme]):
                    knows = ", ".join(sorted(states[programme]))
                    text = (
                        f"policy {policy.name!r} speaks of {', '.join(strange)}; programme {programme!r} knows {knows}"
                    )
                    raise Misplaced(text, "policies", number, *policy.key_of(strange[0]))
        calendars = [calendar.name for calendar in self.calendars]
        days = {section.name: section.calendar for section in self.calendars}
        for own in self.device_schedules:
            own.must_be_known(states, calendars)
        for number, section in enumerate(self.programmes):
            try:
                section.must_be_complete(calendars, placed=self.site.place is not None)
                section.programme(Around(calendars=days, holidays={}, place=self.site.place))
            except (ValueError, ConfigError) as error:
                raise Misplaced(str(error), "programmes", number) from None
        for kind, key, all_names in (
            ("programme", "programmes", names),
            ("calendar", "calendars", calendars),
            ("device schedule", "device_schedules", [own.id for own in self.device_schedules]),
            ("policy", "policies", [policy.name for policy in self.policies]),
            ("equipment", "equipment", [equipment.id for equipment in self.equipment]),
        ):
            for number, name in enumerate(all_names):
                if name in all_names[:number]:
                    raise Misplaced(f"two of a name: {kind} {name!r}", key, number)
        return self

    @model_validator(mode="after")
    def _feeds_have_a_broker(self) -> Config:
        if (self.feeds.beds or self.feeds.bookings) and (self.mqtt is None or not self.mqtt.enabled):
            raise ValueError("feeds.beds and feeds.bookings are taken from MQTT: that needs [mqtt]")
        if self.demand_response.mqtt and (self.mqtt is None or not self.mqtt.enabled):
            raise ValueError("demand_response.mqtt takes events from MQTT: that needs [mqtt]")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return _sources(file_secret_settings, init_settings, env_settings)

    @property
    def state_dir(self) -> Path:
        if self.agent.state_dir is not None:
            return self.agent.state_dir.expanduser()
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        return base / "facility" / self.site.id

    @property
    def audit_key(self) -> Path:
        return (self.audit.key_file or self.state_dir / "audit.key").expanduser()

    @property
    def anchor_file(self) -> Path:
        return (self.audit.anchor_file or self.state_dir / "audit-anchors.jsonl").expanduser()

    @property
    def socket(self) -> Path:
        return (self.api.socket or self.state_dir / "agent.sock").expanduser()


def _sources(
    secrets: PydanticBaseSettingsSource, *stronger: PydanticBaseSettingsSource
) -> tuple[PydanticBaseSettingsSource, ...]:
    """Where values come from besides the file, the strongest first."""
    return (*stronger, NestedSecretsSettingsSource(secrets, secrets_nested_delimiter="__", secrets_prefix=""))


def load(path: Path | None) -> Config:
    """Reads the configuration; `path` None means defaults and environment alone. Raises `ConfigError`."""
    return load_text("", "the environment") if path is None else load_text(text_of(path), str(path), path)


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


def load_text(text: str, where: str, file: Path | None = None, *, alone: bool = False) -> Config:
    """The configuration that a text means, with environment and secrets; `alone`: without, as it was once written down.

    `where` it is from is told in errors.
    """
    document = _parsed(text, where)
    secrets = os.environ.get("FACILITY_SECRETS_DIR") or os.environ.get("CREDENTIALS_DIRECTORY")

    class FromText(Config):
        source: ClassVar[Path | None] = file

        model_config = SettingsConfigDict(secrets_dir=secrets)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            written = InitSettingsSource(settings_cls, document)
            if alone:
                return (written,)
            return (*_sources(file_secret_settings, init_settings, env_settings), written)

    try:
        return FromText()
    except ValidationError as error:
        raise ConfigError(_explain(error, where, text)) from None


def _parsed(text: str, where: str) -> dict[str, Any]:
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


def _explain(error: ValidationError, where: str, text: str) -> str:
    """Each problem with its key, and the line of the file where it stands."""
    lines = [f"{where} has {error.error_count()} error{'s' if error.error_count() > 1 else ''}:"]
    for problem in error.errors():
        loc = problem["loc"] or getattr(problem.get("ctx", {}).get("error"), "path", ())
        key = ".".join(str(part) for part in loc) or "configuration"
        said = re.sub(r"^Value error, ", "", problem["msg"])
        if problem["type"] == "extra_forbidden":
            said = "unknown key" + _nearest(problem["loc"])
        line = line_of(text, [part for part in loc if part not in KINDS])
        place = "" if line is None else f"line {line}: "
        lines.append(f"  {place}{key}: {said}")
    return "\n".join(lines)


def _nearest(loc: tuple[int | str, ...]) -> str:
    """What an unknown key may have meant: looks at the fields of the section it stands in."""
    model: Any = Config
    for part in loc[:-1]:
        model = _section_under(model, part)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ""
    near = difflib.get_close_matches(str(loc[-1]), model.model_fields, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(model.model_fields)}"


def _section_under(model: Any, part: int | str) -> Any:
    if get_origin(model) is dict:
        return get_args(model)[1]
    if isinstance(part, int):
        return next((arg for arg in get_args(model)), model) if get_origin(model) is list else model
    if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
        return model.model_fields[part].annotation
    return KINDS.get(str(part), model)


__all__ = ["Config", "ConfigError", "load", "load_text", "text_of"]
