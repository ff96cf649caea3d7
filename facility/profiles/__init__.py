"""The clinical profiles: what each type of room and of watched equipment must be like, and who says so.

The shipped numbers are a start, marked unverified. A site lays its own file over them: tables
are merged key by key, the site's word wins. Everything is validated when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from facility.model import Severity
from facility.profiles import commanding
from facility.profiles.conversion import convert
from facility.profiles.files import ACTUATORS, PLANT, ProfileError, merged, read, validated
from facility.profiles.model import (
    GROUPS,
    ORDER,
    Abnormal,
    Actuators,
    CommandRule,
    CommandTable,
    Limit,
    LimitTable,
    Plant,
    Profile,
    RoomRules,
    Vacated,
)
from facility.profiles.provenance import cited
from facility.profiles.states import active_if_named, alarm_states, is_named, says_alarm, states_named
from facility.profiles.vacating import vacated_rules, widened
from points.model import Kind, Point, Safety, Space
from schedules.writable import BED_SPACES, is_bed_space

__all__ = ["GROUPS", "ORDER", "Abnormal", "Limit", "Profile", "ProfileError", "Profiles"]

SHIPPED = tuple(Path(__file__).with_name(name) for name in ("actuators.toml", "rooms.toml", "equipment.toml"))
DEADLINE_S = 300.0  # how old a value may be that no profile speaks of: twice a usual five-minute trend would miss it
SITE = "site configuration"
SETPOINT_OF = {"room-pressure-setpoint": "room-pressure", "humidity-setpoint": "humidity"}
SETPOINT_OF_CRITICAL = dict.fromkeys(
    ("temperature-setpoint", "heating-setpoint", "cooling-setpoint"), "zone-temperature"
)  # elsewhere a setback may go where a lived-in room may not

_ALARM_SEVERITY = {
    Safety.LIFE_SAFETY: Severity.LIFE,
    Safety.MEDICAL: Severity.CRIT,
    Safety.CRITICAL: Severity.HIGH,
    Safety.COMFORT: Severity.LOW,
    Safety.UNKNOWN: Severity.LOW,
}


@cache
def shipped() -> Mapping[str, Any]:
    """The tables as they are shipped; nobody changes them."""
    tables: dict[str, Any] = {}
    for file in SHIPPED:
        tables |= read(file)
    return tables


class Profiles:
    """All profiles of the site, and what they say about a point."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        actuators: Mapping[str, CommandTable] | None = None,
        plant: Mapping[str, CommandTable] | None = None,
    ) -> None:
        self._profiles = dict(profiles)
        self._actuators = dict(actuators or {})
        self._plant = dict(plant or {})

    @classmethod
    def load(cls, site: Path | None = None) -> Profiles:
        """The shipped profiles with the site's file laid over them; `ProfileError` if any of it is wrong."""
        own = read(site) if site else {}
        below = shipped()
        both = merged(below, own)
        files = dict.fromkeys(own, site) if site else {}

        def file(key: str) -> Path:
            return files.get(key) or SHIPPED[0].parent

        loaded = cls.of_tables(both, file)
        return cls.of_tables(cited(both, below, own), file) if own else loaded

    @classmethod
    def of_tables(cls, tables: Mapping[str, Any], origin: Callable[[str], Path]) -> Profiles:
        """The profiles that the tables describe; `origin` says which file to name when something is wrong."""
        rest = dict(tables)
        paces = validated(origin(ACTUATORS), ACTUATORS, {"commands": rest.pop(ACTUATORS)}, Actuators)
        plant = validated(origin(PLANT), PLANT, {"commands": rest.pop(PLANT)}, Plant)
        every = {key: validated(origin(key), key, table, Profile) for key, table in rest.items()}
        for key, profile in every.items():
            if profile.vacated is not None and key not in BED_SPACES:
                kinds = ", ".join(sorted(BED_SPACES))
                raise ProfileError(f"{origin(key)}: {key}.vacated: no bed tells whether it is free; only in {kinds}.")
        return cls(every, paces.commands, plant.commands)

    def become(self, other: Profiles) -> None:
        """From now on these are the others: whoever holds them need not be told."""
        self._profiles, self._actuators, self._plant = other._profiles, other._actuators, other._plant

    @property
    def types(self) -> frozenset[str]:
        """All types that have a profile."""
        return frozenset(self._profiles)

    def of(self, space_type: str) -> Profile | None:
        """The profile of a room or equipment type; dashes and underscores are the same."""
        return self._profiles.get(space_type.replace("-", "_"))

    def of_point(self, point: Point, space: Space | None) -> Profile | None:
        """The profile that speaks for the point: its equipment's, or else its space's."""
        by_equipment = self.of(point.equipment_type) if point.equipment_type else None
        return by_equipment or (self.of(space.type) if space else None)

    def limits(self, point: Point, space: Space | None) -> Limit | None:
        """The point's limits in its own unit; None if it has none, or if its unit measures something else."""
        return _narrowed(self._limits(point, space), point) if point.kind is Kind.ANALOG else None

    def vacated_rules(self, space: Space | None) -> Vacated | None:
        """What the space may be like while all of its beds are free; None: that makes no difference to it."""
        return vacated_rules(self.of(space.type) if space is not None and is_bed_space(space) else None)

    def vacated_limits(self, point: Point, space: Space | None) -> Limit | None:
        """The point's limits while all beds of its room are free; None: the same. The site's own for it stay."""
        rules = self.vacated_rules(space)
        limit = self._limits(point, space) if rules is not None and point.kind is Kind.ANALOG else None
        if rules is None or limit is None or point.point_class != "zone-temperature":
            return None
        wide = _narrowed(widened(limit, rules, point.unit), point)
        return None if wide == _narrowed(limit, point) else wide

    def command_limits(self, point: Point, space: Space | None) -> Limit | None:
        """Between which values it may be commanded: its own limits, inside those of what it is the setpoint of."""
        if point.kind is not Kind.ANALOG:
            return None
        measured = SETPOINT_OF.get(point.point_class) or (
            SETPOINT_OF_CRITICAL.get(point.point_class) if self.is_critical(point, space) else None
        )
        limit = self._limits(point, space)
        if measured:
            limit = _inside(limit, self._limits(replace(point, point_class=measured), space))
        return _narrowed(limit, point)

    def _limits(self, point: Point, space: Space | None) -> Limit | None:
        """What the profile says."""
        profile = self.of_point(point, space)
        table = profile.limits.get(point.point_class) if profile else None
        if table is None or profile is None or is_named(point, table.not_named):
            return None
        return _converted(table, profile, point.unit)

    def abnormal(self, point: Point, space: Space | None) -> Abnormal | None:
        """The states of a binary or multi-state point that are not in order; None if it has none."""
        if point.kind not in (Kind.BINARY, Kind.MULTISTATE):
            return None
        profile = self.of_point(point, space)
        if profile and (table := profile.states.get(point.point_class)):
            states = states_named(point, table.state_words) | active_if_named(point, table.name_words)
            if states:
                return Abnormal(states=states, severity=table.severity, delay_s=table.delay_s, text=table.text)
        equipment = profile is not None and profile.alarm_severity is not Severity.LOW
        is_alarm = point.point_class == "alarm" or (equipment and says_alarm(point))
        if is_alarm and (states := alarm_states(point)):
            severity = _ALARM_SEVERITY[point.safety]
            if profile and ORDER.index(profile.alarm_severity) < ORDER.index(severity):
                severity = profile.alarm_severity
            return Abnormal(states=states, severity=severity, delay_s=0.0, text="")
        return None

    def deadline(self, point: Point, space: Space | None) -> float:
        """How many seconds old the point's value may become before it is stale."""
        if point.deadline_s is not None:
            return point.deadline_s
        profile = self.of_point(point, space)
        return profile.deadline_s if profile else DEADLINE_S

    def command_rule(self, point: Point, space: Space | None) -> CommandRule:
        """Who may command the point, and at which pace its actuator may be driven."""
        return commanding.command_rule(point, self.of_point(point, space), self._actuators, self._plant)

    def room_rules(self, space: Space | None) -> RoomRules | None:
        """What the space must be like while anything of ours is held in it; None if it is not a critical one."""
        return commanding.room_rules(self.of(space.type) if space else None)

    def is_critical(self, point: Point, space: Space | None) -> bool:
        """Whether the point belongs to a space or equipment where a wrong value harms a patient."""
        profile = self.of_point(point, space)
        return profile is not None and profile.critical


def _inside(own: Limit | None, measured: Limit | None) -> Limit | None:
    """Of each side the stricter: a setpoint's own limits do not lead where what it sets must not be."""
    if own is None or measured is None:
        return own or measured
    low = max((limit.low for limit in (own, measured) if limit.low is not None), default=None)
    high = min((limit.high for limit in (own, measured) if limit.high is not None), default=None)
    for limit in (own, measured):
        if (limit.low, limit.high) == (low, high):
            return limit
    sources = "; ".join(dict.fromkeys(limit.source for limit in (own, measured)))
    return replace(own, low=low, high=high, source=sources, edition="", verified_by="")


def _narrowed(limit: Limit | None, point: Point) -> Limit | None:
    """The limits with the site's own in their place; a side of which it says nothing stays."""
    if point.site_low is None and point.site_high is None:
        return limit
    if limit is None:
        limit = Limit(
            low=None,
            high=None,
            deadband=0.0,
            delay_s=0.0,
            severity=Severity.LOW,
            text="",
            magnitude=False,
            needed=False,
            sane=None,
            source=SITE,
            edition="",
            verified_by=SITE,
        )
    low = limit.low if point.site_low is None else point.site_low
    high = limit.high if point.site_high is None else point.site_high
    kept = [name for name, own in (("low", point.site_low), ("high", point.site_high)) if own is None]
    theirs = [name for name in kept if getattr(limit, name) is not None]
    if not theirs:
        return replace(limit, low=low, high=high, source=SITE, edition="", verified_by=SITE)
    own, other = ("high", "low") if theirs == ["low"] else ("low", "high")
    standard = ", ".join(part for part in (limit.source, limit.edition) if part)
    source = f"{own}: {SITE}; {other}: {standard}"
    return replace(limit, low=low, high=high, source=source, edition="", verified_by=limit.verified_by)


def _converted(table: LimitTable, profile: Profile, unit: str) -> Limit | None:
    deadband = convert(table.back, table.unit, unit, difference=True)
    low = None if table.low is None else convert(table.low, table.unit, unit)
    sane = None if table.sane is None else convert(table.sane, table.unit, unit, difference=True)
    high = None if table.high is None else convert(table.high, table.unit, unit)
    if deadband is None or (low is None) != (table.low is None) or (high is None) != (table.high is None):
        return None
    where = commanding.origin(table, profile)
    return Limit(
        low=low,
        high=high,
        deadband=deadband,
        delay_s=table.delay_s,
        severity=table.severity,
        text=table.text,
        magnitude=table.magnitude,
        needed=table.needed,
        sane=sane,
        source=where.source,
        edition=where.edition,
        verified_by=where.verified_by,
    )
