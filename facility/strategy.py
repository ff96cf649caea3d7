"""From configuration to programmes and policies. Pure; every error names the policy and the word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from facility.config.model import Config
from facility.config.policies import Given, PolicyBase
from facility.config.programmes import Around
from points.catalog import Catalog
from points.model import Point, PointId
from points.selectors import parse
from points.site_rules import PointRule, SpaceRule
from schedules.calendar import Programme, SpecialEvent
from schedules.holiday_dates import holidays_of
from schedules.policy import Policy, earliest
from schedules.timetable import Timetable

YEARS_AHEAD = 10  # holidays are computed from last year to so many years ahead: no agent runs for longer


def programmes_of(config: Config, today: date) -> dict[str, Programme]:
    """Every programme of the configuration by name, with the holidays around `today`."""
    around = Around(
        calendars={section.name: section.calendar for section in config.calendars},
        holidays=_holidays(config, today),
        place=config.site.place,
    )
    return {section.name: section.programme(around) for section in config.programmes}


class Strategy:
    """The programmes and policies in force. `take` swaps all of them at once."""

    config: Config
    zone: ZoneInfo
    programmes: Mapping[str, Programme]
    timetables: Mapping[str, Timetable]
    policies: Sequence[Policy]

    def __init__(self, config: Config, today: date) -> None:
        self._events: Mapping[str, Sequence[SpecialEvent]] = {}
        self.take(config, today)

    def take(self, config: Config, today: date) -> None:
        """Goes by this configuration from now on. Raises `ConfigError`, and then nothing has changed."""
        programmes = {
            name: replace(programme, events=tuple(self._events.get(name, ())))
            for name, programme in programmes_of(config, today).items()
        }
        timetables = {name: Timetable(programme, config.site.tz) for name, programme in programmes.items()}
        sections = [section for section in config.policies if section.enabled]
        policies = tuple(section.policy(_given(timetables, config)) for section in sections)
        for section in sections:
            for text in section.speaks_for:
                section.selector(text)
        self.config, self.zone = config, config.site.tz
        self.programmes, self.timetables, self.policies = programmes, timetables, policies
        self._sections: dict[str, PolicyBase] = {section.name: section for section in sections}
        self._catalog: Catalog | None = None
        self._chosen: dict[str, list[Point]] = {}

    def announce(self, events: Mapping[str, Sequence[SpecialEvent]]) -> None:
        """These special events from now on, by programme. Only who follows one that changes becomes another policy."""
        self._events = dict(events)
        changed = {
            name: replace(programme, events=tuple(events.get(name, ())))
            for name, programme in self.programmes.items()
            if programme.events != tuple(events.get(name, ()))
        }
        if not changed:
            return
        self.programmes = {**self.programmes, **changed}
        self.timetables = {
            **self.timetables,
            **{name: Timetable(programme, self.zone) for name, programme in changed.items()},
        }
        given = _given(self.timetables, self.config)
        self.policies = tuple(
            self._sections[policy.name].policy(given)
            if changed.keys() & self._sections[policy.name].follows.keys()
            else policy
            for policy in self.policies
        )

    @property
    def events(self) -> Mapping[str, Sequence[SpecialEvent]]:
        """The special events in force, by programme."""
        return self._events

    def twin(self, config: Config, today: date) -> Strategy:
        """Another one that goes by `config`, with the special events of this one. Raises `ConfigError`."""
        made = Strategy(config, today)
        made.announce(self._events)
        return made

    def policies_following(self, programme: str) -> list[Policy]:
        return [policy for policy in self.policies if programme in self._sections[policy.name].follows]

    def followed_by(self, policy: str) -> list[Timetable]:
        """The programmes that the policy follows."""
        return [self.timetables[programme] for programme in self._sections[policy].follows]

    def states_of(self, policy: str, now: datetime) -> str:
        """What the programmes that it follows say now; "" if it follows none."""
        return ", ".join(timetable.state(now) for timetable in self.followed_by(policy))

    def next_change(self, policy: str, now: datetime) -> datetime | None:
        """When a programme that it follows next says something else."""
        return earliest(timetable.at(now).end for timetable in self.followed_by(policy))

    def points_of(self, policy: str, catalog: Catalog) -> list[Point]:
        """The points a policy speaks for, by its selectors; resolved once for a catalog."""
        if catalog is not self._catalog:
            self._catalog, self._chosen = catalog, {}
        if policy not in self._chosen:
            texts = self._sections[policy].speaks_for
            found = {point.id: point for text in texts for point in parse(text)(catalog)}
            self._chosen[policy] = list(found.values())
        return self._chosen[policy]

    def points_following(self, programme: str, catalog: Catalog) -> set[PointId]:
        """The points that any policy of the programme speaks for."""
        policies = self.policies_following(programme)
        return {point.id for policy in policies for point in self.points_of(policy.name, catalog)}

    def kind_of(self, policy: str) -> str:
        return next(each.kind for each in self.policies if each.name == policy)


def _given(timetables: Mapping[str, Timetable], config: Config) -> Given:
    return Given(timetable=timetables.__getitem__, bookings=config.feeds.bookings, site=config.site.id)


def rules_of(config: Config) -> tuple[list[PointRule], list[SpaceRule]]:
    """What the site says about points and spaces."""
    points = [
        PointRule(**section.model_dump(exclude_none=True, exclude={"tags"}), tags=tuple(section.tags))
        for section in config.points
    ]
    spaces = [
        SpaceRule(
            id=section.id, name=section.name, type=section.type, match=tuple(section.match), tags=tuple(section.tags)
        )
        for section in config.spaces
    ]
    return points, spaces


def _holidays(config: Config, today: date) -> dict[date, str]:
    years = range(today.year - 1, today.year + YEARS_AHEAD + 1)
    public = holidays_of(config.site.country, config.site.subdivision, years) if config.site.country else {}
    return {**public, **{entry.day: entry.name for entry in config.holidays}}
