"""The whole building on one screen: computed once, here, for screens, command line and MQTT alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from facility import views
from facility.alarms import AlarmBook
from facility.census import Census
from facility.claims import Claims
from facility.compliance import Compliance
from facility.model import Severity, SlotKey, is_policy
from facility.standing import Standing
from facility.strategy import Strategy
from facility.verdict import overview_groups, verdict
from facility.wire import Hold, Lamp, Link, OverrideInfo, Overview, PolicyInfo, Upcoming
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.freshness import Freshness
from points.model import Priority
from points.store import PointStore

UPCOMING_WITHIN = timedelta(days=7)
UPCOMING_SHOWN = 12
OVERRIDES_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Overseer:
    """Looks at everything; changes nothing."""

    book: CatalogBook
    store: PointStore
    freshness: Freshness
    compliance: Compliance
    alarms: AlarmBook
    claims: Claims
    strategy: Strategy
    clock: Clock
    failed_commands: Callable[[], int]
    blind: Callable[[], bool]  # a service that the verdict rests on does not run
    links: Callable[[], list[Link]]
    banners: Callable[[list[Link]], list[str]]
    foreign: Callable[[], int] = int  # what others hold, in slots and by hand
    overrides: Callable[[int], list[OverrideInfo]] = lambda _most: []
    effect: Callable[[SlotKey], str] = lambda _key: ""  # what an independent sensor says of a claim
    census: Census = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "census", Census(self.book, self.store))

    def overview(self) -> Overview:
        now, catalog = self.clock.now(), self.book.current
        alarms = self.alarms.all()
        out = sum(judgement.standing is Standing.OUT for judgement in self.compliance.not_in.values())
        counts = {**self.census.counts(), "out": out}
        complete = counts["total"] > 0 and counts["read"] == counts["total"] and not self.blind()
        judged = verdict(
            self.compliance.spaces, alarms, now=now, complete=complete, failed_commands=self.failed_commands()
        )
        groups, spaces = overview_groups(self.compliance.spaces, now)
        devices = self.freshness.devices()
        links = self.links()
        holds = [
            views.hold(claim, catalog.points.get(claim.point), now, self.effect(claim.key), catalog.place(claim.point))
            for claim in self.claims.standing()
        ]
        return Overview(
            at=now,
            verdict=judged.word,
            reasons=list(judged.reasons),
            groups=groups,
            spaces=spaces,
            lamps={
                severity.value: Lamp(
                    new=sum(alarm.is_new for alarm in alarms if alarm.severity is severity),
                    standing=sum(alarm.ended is None for alarm in alarms if alarm.severity is severity),
                )
                for severity in Severity
            },
            spaces_unknown=sum(space.standing is Standing.UNKNOWN for space in self.compliance.spaces),
            devices_online=sum(status.status == "online" for status in devices.values()),
            devices_total=len(catalog.devices),
            holds=sorted(holds, key=lambda hold: (hold.priority, hold.until)),
            upcoming=self._upcoming(now, holds, catalog),
            policies=self._policies(now, catalog),
            links=links,
            banners=self.banners(links),
            points=counts,
            foreign=self.foreign(),
            overrides=self.overrides(OVERRIDES_SHOWN),
        )

    def _upcoming(self, now: datetime, holds: Iterable[Hold], catalog: Catalog) -> list[Upcoming]:
        coming = [
            Upcoming(at=hold.until, what=f"hold of {hold.point} by {hold.by} ends", points=1)
            for hold in holds
            if hold.priority == Priority.OPERATOR and not hold.overdue
        ]
        for timetable in self.strategy.timetables.values():
            stretch = timetable.at(now)
            if stretch.end is not None and stretch.end - now <= UPCOMING_WITHIN:
                points = self.strategy.points_following(timetable.name, catalog)
                what = f"{timetable.name}: {stretch.turns or 'nothing'}"
                coming.append(Upcoming(at=stretch.end, what=what, points=len(points)))
        return sorted(coming, key=lambda item: item.at)[:UPCOMING_SHOWN]

    def _policies(self, now: datetime, catalog: Catalog) -> list[PolicyInfo]:
        held = Counter(views.owner(claim.by) for claim in self.claims.standing() if is_policy(claim.by))
        return [
            PolicyInfo(
                name=policy.name,
                kind=self.strategy.kind_of(policy.name),
                points=len(self.strategy.points_of(policy.name, catalog)),
                held=held[policy.name],
                priority=int(policy.priority),
                state=self.strategy.states_of(policy.name, now),
                next_change=self.strategy.next_change(policy.name, now),
            )
            for policy in self.strategy.policies
        ]
