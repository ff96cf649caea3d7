"""From configuration to programmes and policies. Pure; every error names the policy and the word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TypedDict
from zoneinfo import ZoneInfo

from facility.config import Config, ConfigError
from facility.config.sections import (
    LightingSweepPolicy,
    OfficeSetbackPolicy,
    PolicySection,
    ProgrammeSection,
    RoomTurndownPolicy,
    TurndownRoomSection,
    WeeklyPolicy,
    parse_change,
)
from points.catalog import Catalog
from points.model import Point, PointId, SpaceId
from points.selectors import parse
from points.site_rules import PointRule, SpaceRule
from schedules.calendar import DayException, DayProgramme, Entry, Programme
from schedules.holiday_dates import holidays_of
from schedules.policies.lighting_sweep import LightingSweep
from schedules.policies.office_setback import OfficeSetback
from schedules.policies.room_turndown import RoomTurndown, TurndownRoom
from schedules.policies.weekly import Weekly
from schedules.policy import Selector

Strategic = Weekly | OfficeSetback | LightingSweep | RoomTurndown
"""The policies a configuration can ask for: each follows a programme at one level."""

YEARS_AHEAD = 2  # holidays are computed from last year to so many years ahead


def programmes_of(config: Config, today: date) -> dict[str, Programme]:
    """Every programme of the configuration by name, with the holidays around `today`."""
    holidays = _holidays(config, today)
    return {section.name: _programme(section, holidays) for section in config.programmes}


def policies_of(config: Config, programmes: Mapping[str, Programme]) -> list[Strategic]:
    """The policies in order of precedence. Raises ConfigError for a selector that cannot be read."""
    return [_policy(section, programmes[section.programme], config.site.tz) for section in config.policies]


class Strategy:
    """The programmes and policies in force."""

    def __init__(self, config: Config, today: date) -> None:
        self.zone = config.site.tz
        self.programmes = programmes_of(config, today)
        self.policies = policies_of(config, self.programmes)
        self._sections = {section.name: section for section in config.policies}
        self._selectors = {section.name: _selectors(section) for section in config.policies}
        self._catalog: Catalog | None = None
        self._chosen: dict[str, list[Point]] = {}

    def policies_following(self, programme: str) -> list[Strategic]:
        return [policy for policy in self.policies if self._sections[policy.name].programme == programme]

    def points_of(self, policy: str, catalog: Catalog) -> list[Point]:
        """The points a policy speaks for, by its selectors; resolved once for a catalog."""
        if catalog is not self._catalog:
            self._catalog, self._chosen = catalog, {}
        if policy not in self._chosen:
            self._chosen[policy] = [point for selector in self._selectors[policy] for point in selector(catalog)]
        return self._chosen[policy]

    def points_following(self, programme: str, catalog: Catalog) -> set[PointId]:
        """The points that any policy of the programme speaks for."""
        policies = self.policies_following(programme)
        return {point.id for policy in policies for point in self.points_of(policy.name, catalog)}

    def kind_of(self, policy: str) -> str:
        return self._sections[policy].kind


def rules_of(config: Config) -> tuple[list[PointRule], list[SpaceRule]]:
    """What the site says about points and spaces."""
    for where, text in [
        *(("points", section.match) for section in config.points),
        *((f"space {section.id!r}", text) for section in config.spaces for text in section.match),
    ]:
        _selector(text, where)
    points = [PointRule(**section.model_dump(exclude_none=True)) for section in config.points]
    spaces = [
        SpaceRule(id=section.id, name=section.name, type=section.type, match=tuple(section.match))
        for section in config.spaces
    ]
    return points, spaces


def _holidays(config: Config, today: date) -> dict[date, str]:
    years = range(today.year - 1, today.year + YEARS_AHEAD + 1)
    public = holidays_of(config.site.country, config.site.subdivision, years) if config.site.country else {}
    return {**public, **{entry.day: entry.name for entry in config.holidays}}


def _programme(section: ProgrammeSection, holidays: Mapping[date, str]) -> Programme:
    try:
        return Programme(
            name=section.name,
            default=section.default,
            week=tuple(_entries(section.day(weekday)) for weekday in range(7)),
            exceptions=tuple(
                DayException(
                    name=entry.name,
                    first=entry.first,
                    last=entry.last or entry.first,
                    entries=_entries(entry.changes),
                    precedence=entry.precedence,
                )
                for entry in section.exceptions
            ),
            holidays=holidays,
            on_holiday=None if section.holidays is None else _entries(section.holidays),
        )
    except ValueError as error:
        raise ConfigError(f"programme {section.name!r}: {error}") from None


def _entries(changes: Iterable[str]) -> DayProgramme:
    return tuple(Entry(at, state) for at, state in sorted(map(parse_change, changes)))


class _Common(TypedDict):
    """What every policy is told."""

    name: str
    programme: Programme
    zone: ZoneInfo


def _policy(section: PolicySection, programme: Programme, zone: ZoneInfo) -> Strategic:
    where = f"policy {section.name!r}"
    common: _Common = {"name": section.name, "programme": programme, "zone": zone}
    match section:
        case WeeklyPolicy():
            return Weekly(
                **common,
                points=_selector(section.points, where),
                values=section.values,
            )
        case OfficeSetbackPolicy():
            return OfficeSetback(
                **common,
                heating=_selector(section.heating, where),
                cooling=_selector(section.cooling, where),
                occupied_state=section.occupied_state,
                heating_celsius=section.heating_c,
                cooling_celsius=section.cooling_c,
                standby_kelvin=section.standby_k,
                vacant_minutes=section.vacant_minutes,
            )
        case LightingSweepPolicy():
            return LightingSweep(
                **common,
                lights=_selector(section.points, where),
                sweep_state=section.sweep_state,
            )
        case RoomTurndownPolicy():
            return RoomTurndown(
                **common,
                rooms=tuple(map(_room, section.rooms)),
                turndown_state=section.turndown_state,
                vacant_minutes=section.vacant_minutes,
                lead_minutes=section.lead_minutes,
            )


def _room(section: TurndownRoomSection) -> TurndownRoom:
    return TurndownRoom(
        space=SpaceId(section.space),
        supply=PointId(section.supply),
        extract=PointId(section.extract),
        supply_setback=section.supply_setback,
        extract_setback=section.extract_setback,
        pressure_pascals=section.pressure_pa,
    )


def _selectors(section: PolicySection) -> list[Selector]:
    if isinstance(section, RoomTurndownPolicy):
        return [_named(point for room in section.rooms for point in (room.supply, room.extract))]
    texts = (section.heating, section.cooling) if isinstance(section, OfficeSetbackPolicy) else (section.points,)
    return [_selector(text, f"policy {section.name!r}") for text in texts]


def _named(points: Iterable[str]) -> Selector:
    """Exactly these points, as far as they are there."""
    named = [PointId(point) for point in points]
    return lambda catalog: [catalog.points[point] for point in named if point in catalog.points]


def _selector(text: str, where: str) -> Selector:
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
