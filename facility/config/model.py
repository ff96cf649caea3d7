"""`facility.toml` as a whole: frozen, and everything that its sections say of one another fits together."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator
from pydantic_settings import SettingsConfigDict

from facility.config.bacnet import BacnetSection
from facility.config.demand_response import DemandResponseSection
from facility.config.device_schedules import DeviceScheduleSection
from facility.config.energy import EnergySection
from facility.config.errors import ConfigError, Misplaced
from facility.config.feeds import FeedsSection
from facility.config.policies import PolicySection
from facility.config.programmes import Around, CalendarSection, HolidayEntry, ProgrammeSection
from facility.config.sections import (
    EquipmentSection,
    HistorySection,
    MqttSection,
    PointSection,
    RecorderSection,
    SpaceSection,
    UserSection,
)
from facility.config.whereabouts import Whereabouts


class Config(Whereabouts):
    """The whole configuration."""

    model_config = SettingsConfigDict(extra="forbid")

    bacnet: BacnetSection = BacnetSection()
    mqtt: MqttSection | None = None
    """The broker that state is mirrored to; without the section, none."""
    history: HistorySection = HistorySection()
    recorder: RecorderSection = RecorderSection()
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
