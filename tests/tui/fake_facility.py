"""A facility that is only a story: one night, 02:14, deterministic, with a clock that stands still."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import energy_story
import schedule_story

from facility.port import AgentLost, FacilityError
from facility.users import PERMISSIONS
from facility.wire import (
    Abilities,
    AlarmInfo,
    AppliedInfo,
    AuditCheck,
    AuditPage,
    Block,
    Bucket,
    CalendarInfo,
    ClashInfo,
    ComplianceReport,
    DemandAnswer,
    DemandEventInfo,
    DemandInfo,
    DemandNotice,
    DeviceInfo,
    DeviceScheduleInfo,
    Discovery,
    DriftInfo,
    EnergyReport,
    ExportPlan,
    ExportResult,
    GroupState,
    Hello,
    Hold,
    ImportedSchedule,
    Lamp,
    Link,
    OverrideInfo,
    Overview,
    PassportInfo,
    Plan,
    PointDetail,
    PointInfo,
    PolicyInfo,
    PolicyState,
    Record,
    RefusalInfo,
    RehearsalDay,
    RehearsalInfo,
    RelaxationInfo,
    Result,
    ScheduleDay,
    ScheduleInfo,
    SlotInfo,
    SpaceState,
    SpecialEventInfo,
    Touched,
    Trend,
    Upcoming,
    Update,
    ValueInfo,
    WaitingInfo,
    Why,
    WhyStep,
    Wish,
    WriteInfo,
)

SAYS = [
    "reads 24 properties at once", "segmented answers do not arrive", "38 COV subscriptions", "answers in 0.12 s",
    "one request at a time", "strings are latin-1", "rejects ReadPropertyMultiple though advertised",
]  # fmt: skip
HEARTBEAT = 1.0
"""Seconds after which the stream sends an overview though nothing has changed."""
NOW = datetime(2026, 11, 24, 8, 14, 7, tzinfo=UTC)  # 02:14:07 in Chicago
SETPOINT = "ahu-4/supply-air-temp-sp"
FAN = "ef-3/fan-command"


class StandingClock:
    """Time that passes when it is told to. `sleep` lasts until the clock has gone that far."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now
        self._woken = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def pass_time(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._woken.set()
        self._woken = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        until = self._now + timedelta(seconds=seconds)
        while self._now < until:
            await self._woken.wait()


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def point(
    key: str,
    name: str,
    space: str = "",
    *,
    unit: str = "°C",
    kind: str = "analog",
    cls: str = "space-temp",
    states: list[str] | None = None,
    limits: tuple[float | None, float | None] = (None, None),
    commandable: bool = False,
    safety: str = "comfort",
    description: str = "",
) -> PointInfo:
    device = key.partition("/")[0]
    return PointInfo(
        id=key,
        name=name,
        description=description or name,
        kind=kind,
        point_class=cls,
        unit=unit,
        states=states or [],
        low=None,
        high=None,
        access="commandable" if commandable else "monitor-only",
        safety=safety,
        confidence=0.97,
        device=device,
        equipment=device,
        space=space.lower().replace(" ", "-"),
        space_name=space,
        object="analog-value 14" if commandable else "analog-input 3",
        commandable=commandable,
        present=True,
        limit_low=limits[0],
        limit_high=limits[1],
        command_low=limits[0],
        command_high=limits[1],
        topic=f"fac/v1/mercy/main/state/{key}",
    )


def value(
    key: str,
    now: float | bool | int | str | None,
    *,
    tag: str = "",
    quality: str = "good",
    reason: str = "",
    age: float = 5,
    source: str = "cov",
    held: str = "",
) -> ValueInfo:
    return ValueInfo(
        id=key,
        value=now,
        quality=quality,
        reason=reason,
        time=ago(age),
        at=ago(min(age, 5)),
        source=source,
        flags=0,
        tag=tag,
        held=held,
    )


def story() -> tuple[list[PointInfo], list[ValueInfo]]:
    """The points that have a part in it."""
    points = [
        point("or-3/space-temp", "Room temperature", "OR-3", limits=(20.0, 24.0)),
        point("or-3/humidity", "Humidity", "OR-3", unit="%RH", cls="humidity"),
        point("or-3/room-pressure", "Room pressure", "OR-3", unit="Pa", cls="room-pressure"),
        point("aii-407/room-pressure", "Room pressure to anteroom", "AII-407", unit="Pa", cls="room-pressure",
              limits=(None, -2.5), safety="critical"),
        point("pharm-797/room-pressure", "Room pressure", "Pharm 797", unit="Pa", cls="room-pressure"),
        point("vav-114/space-temp", "Room temperature", "RM-114"),
        point("office-5/occupied", "Occupied", "Office 5", unit="", kind="binary", cls="occupancy",
              states=["empty", "occupied"]),
        point(SETPOINT, "Supply air temperature setpoint", "AHU-4", cls="supply-air-temp-sp", commandable=True,
              limits=(12.0, 18.0)),
        point("ahu-4/supply-air-temp", "Supply air temperature", "AHU-4", cls="supply-air-temp"),
        point(FAN, "Exhaust fan", "Corridor 2W", unit="", kind="binary", cls="fan-command", states=["off", "on"],
              commandable=True),
        point("ahu-2/mode", "Mode", "AHU-2", unit="", kind="multistate", cls="mode",
              states=["off", "heating", "cooling"], commandable=True),
        point("gas-1/o2-pressure", "Oxygen line pressure", "Zone 1", unit="kPa", cls="medical-gas", safety="medical"),
        point("bb-fridge-2/temp", "Blood bank refrigerator 2", "Blood bank", cls="fridge-temp", safety="medical"),
    ]  # fmt: skip
    values = [
        value("or-3/space-temp", 25.1, tag="!", age=8),
        value("or-3/humidity", 57.0, age=8),
        value("or-3/room-pressure", 8.4, age=3),
        value("aii-407/room-pressure", -1.1, tag="!!", age=5),
        value("pharm-797/room-pressure", 7.2, tag="?", quality="stale", reason="offline", age=1260, source="poll"),
        value("vav-114/space-temp", None, tag="?", quality="bad", reason="nan", age=6, source="poll"),
        value("office-5/occupied", False, age=20),
        value(SETPOINT, 14.0, age=4, held="15 weekday"),
        value("ahu-4/supply-air-temp", 14.1, age=4),
        value(FAN, True, age=9, held="8 rdiaz"),
        value("ahu-2/mode", 3, age=12),
        value("gas-1/o2-pressure", 412.0, age=2),
        value("bb-fridge-2/temp", 4.6, age=15, source="poll"),
    ]
    return points, values


def crowd(count: int) -> tuple[list[PointInfo], list[ValueInfo]]:
    """Many rooms, all well but one in a hundred."""
    points, values = [], []
    for i in range(count):
        key = f"vav-{1000 + i // 4}/{('space-temp', 'humidity', 'supply-flow', 'damper')[i % 4]}"
        points.append(point(key, "room sensor", f"RM-{1000 + i // 4}", unit=("°C", "%RH", "m³/s", "%")[i % 4]))
        values.append(value(key, 21.0 + i % 7 / 10, tag="!" if i % 100 == 99 else "", age=i % 30))
    return points, values


def alarm(key: str, severity: str, about: str, where: str, said: str, **more: object) -> AlarmInfo:
    fields = {
        "kind": "out-of-limits", "state": "NEW", "value": "", "limit": "", "since": ago(360), "ended": None,
        "acknowledged": None, "acknowledged_by": "",
    } | more  # fmt: skip
    return AlarmInfo.model_validate(
        {"id": key, "severity": severity, "about": about, "where": where, "text": said, **fields}
    )


def passport(*, says: list[str], rpm_limit: int | None = None) -> PassportInfo:
    abilities = Abilities(
        reads_multiple=True, rpm_limit=rpm_limit, max_apdu=None, segments=None, cov_slots=None, outstanding=None,
        latency=None, timeout=None, retries=None, charset="", oddities=[],
    )  # fmt: skip
    return PassportInfo(
        in_force=abilities, learned=abilities, learned_at=NOW, overruled=[], network_outstanding=None, router="",
        says=says,
    )  # fmt: skip


def alarms() -> list[AlarmInfo]:
    return [
        alarm("a1", "CRIT", "aii-407/room-pressure", "AII-407", "Isolation room has lost negative pressure",
              value="-1.1 Pa", limit="needs ≤ -2.5"),
        alarm("a2", "HIGH", "or-3/space-temp", "OR-3", "Operating room too warm", value="25.1 °C", limit="max 24.0",
              since=ago(2460)),
        alarm("a3", "HIGH", "pharm-797", "Pharmacy", "Controller 2611 silent, 38 points unknown", kind="offline",
              value="no answer", limit="30 s", since=ago(1260)),
        alarm("a4", "HIGH", "ahu-4/supply-air-temp", "AHU-7", "Filter pressure high", value="412 Pa", limit="max 380",
              since=ago(5640), state="ack", acknowledged=ago(5400), acknowledged_by="rdiaz"),
        alarm("a5", "LOW", "ahu-2/mode", "CHP-1", "Pump short cycling", value="normal", limit="≤ 6/h",
              since=ago(3720), state="rtn", ended=ago(600)),
    ]  # fmt: skip


def group(name: str, in_range: int, out: int, unknown: int, severity: str = "", worst: str = "") -> GroupState:
    return GroupState(
        name=name, critical=True, in_range=in_range, out=out, unknown=unknown, severity=severity, worst=worst
    )


def rehearsed() -> RehearsalInfo:
    """Two days with changes; the clock goes back on the second."""

    def write(at: datetime, mark: str, point: str, value: str, why: str) -> WriteInfo:
        return WriteInfo(
            at=at, points=[point], count=24, value=value, priority=15, policy="clinic-hours", why=why, mark=mark
        )

    five = NOW.replace(hour=11, minute=0)
    return RehearsalInfo(
        id="3fa9c1",
        state="done",
        why="",
        start=NOW,
        end=NOW + timedelta(days=2),
        at=NOW + timedelta(days=2),
        share=1.0,
        assumes="Every reading stays as it is now, occupancy and weather included.",
        days=[
            RehearsalDay(date="2026-11-24", writes=24, new=0, gone=0, note=""),
            RehearsalDay(date="2026-11-25", writes=48, new=24, gone=24, note="half day (clinic-hours)"),
        ],
        writes=[
            write(five, "", "clinic-b/occupied", "on", "clinic-hours is occupied (weekly)"),
            write(five + timedelta(hours=36), "+", "clinic-b/occupied", "off", "clinic-hours is unoccupied (half day)"),
            write(five + timedelta(hours=38), "-", "clinic-b/occupied", "off", "clinic-hours is unoccupied (weekly)"),
        ],
        count=72,
        new=24,
        gone=24,
        refused=[RefusalInfo(at=five, point="or-3/sp", policy="clinic-hours", why="it is critical", times=2)],
        clashes=[ClashInfo(at=five, text="clinic-b/sp slot 15: a (21.0) goes before b (19.0)")],
        faults=[],
        estimate=["Zones take 118 kWh of heat and give off 20 kWh, as standard rooms (a rough estimate)."],
        changes=["programmes[clinic-hours].exceptions"],
        may_save="",
    )


def overview(at: datetime = NOW) -> Overview:
    return Overview(
        at=at, verdict="NOT OK",
        reasons=["AII-407 pressure lost 6 min", "OR-3 too warm 41 min", "14 UNKNOWN"],
        groups=[
            group("Operating & procedure", 17, 1, 0, "HIGH", "OR-3 25.1 °C, max 24.0, 41 min"),
            group("Isolation & protective", 25, 1, 0, "CRIT", "AII-407 -1.1 Pa, needs -2.5, 6 min"),
            group("Intensive & newborn", 44, 0, 0),
            group("Pharmacy & sterile", 12, 0, 2, "", "Pharm 797: no data 21 min"),
            group("Cold storage", 31, 0, 0),
            group("Medical gas & power", 22, 0, 0),
            group("Patient rooms", 401, 4, 7, "LOW", "4E-22 26.4 °C, max 24.0, 3 h"),
            group("Support & offices", 633, 18, 4),
        ],
        spaces=[
            SpaceState(id="or-3", name="OR-3", type="operating_room", group="Operating & procedure", state="out",
                       severity="HIGH", why="25.1 °C, max 24.0", since=ago(2460)),
            SpaceState(id="aii-407", name="AII-407", type="aii", group="Isolation & protective", state="out",
                       severity="CRIT", why="-1.1 Pa, needs -2.5", since=ago(360)),
            SpaceState(id="pharm-797", name="Pharm 797", type="pharmacy", group="Pharmacy & sterile",
                       state="unknown", why="no data 21 min", since=ago(1260)),
        ],
        lamps={"LIFE": Lamp(new=0, standing=0), "CRIT": Lamp(new=1, standing=1), "HIGH": Lamp(new=2, standing=4),
               "LOW": Lamp(new=0, standing=9)},
        spaces_unknown=14, devices_online=212, devices_total=214,
        holds=[
            Hold(point=FAN, value=True, text="on", priority=8, by="rdiaz", reason="fume complaint 2W",
                 since=ago(3600), until=NOW + timedelta(hours=4), confirmed=True),
            Hold(point=SETPOINT, value=14.0, text="14.0 °C", priority=15, by="weekday", reason="schedule",
                 since=ago(9000), until=NOW + timedelta(hours=3), confirmed=True),
        ],
        upcoming=[
            Upcoming(at=NOW + timedelta(minutes=56), what="EF-3 override ends", points=1),
            Upcoming(at=NOW + timedelta(hours=2, minutes=46), what="Clinic B occupied", points=24),
            Upcoming(at=NOW + timedelta(days=2), what="Thanksgiving", points=402),
        ],
        policies=[
            PolicyInfo(name="Weekly schedule", kind="weekly", points=212, held=205, priority=15, state="running",
                       next_change=NOW + timedelta(hours=3)),
            PolicyInfo(name="Office setback", kind="occupancy", points=61, held=0, priority=14, state="idle",
                       next_change=None),
        ],
        links=[
            Link(name="bacnet", state="degraded", text="2 of 214 devices silent", since=ago(1260)),
            Link(name="mqtt", state="ok", text="12 ms, queue 0"),
            Link(name="database", state="ok", text="write 3 ms"),
            Link(name="history", state="ok", text="31 GB free"),
            Link(name="clock", state="ok", text="ntp 3 ms"),
        ],
        banners=[], points={"total": 13, "in": 9, "out": 2, "unknown": 2, "cov": 10, "poll": 3},
    )  # fmt: skip


def waiting(*, by: str = "mchen", mine: bool = False, may_second: bool = True) -> WaitingInfo:
    """Somebody waits for a second person."""
    return WaitingInfo(
        id="3f9a", point=SETPOINT, what=f"write 18.0 °C to {SETPOINT}", by=by, reason="valve test", asked_at=ago(120),
        until=NOW + timedelta(minutes=8), rule="two-people", why="It may be commanded by two people only.",
        source="ASHRAE 170, 2021", mine=mine, may_second=may_second,
    )  # fmt: skip


class FakeFacility:
    """Implements `facility.port.Facility`. Counts what would have changed something."""

    def __init__(self, *, extra: int = 0, role: str = "operator", pretend: bool = False) -> None:
        self.catalog, readings = story()
        more, more_values = crowd(extra)
        self.catalog += more
        self.readings = {reading.id: reading for reading in [*readings, *more_values]}
        self.standing = {item.id: item for item in alarms()}
        self.picture = overview()
        self.rehearsed = rehearsed()
        self.role = role
        self.pretend = pretend
        self.lost = False
        self.deaf = False
        self.verdict = "allowed"
        self.look = Discovery(running=False, started=NOW, finished=NOW, devices_found=214, devices_described=214,
                              points=len(self.catalog), now="", news=[])  # fmt: skip
        self.quarantine = ""  # of the controller of OR-3
        self.changes: list[tuple[str, object]] = []
        self.rehearsals: list[tuple[int, tuple[str, ...], bool, bool]] = []  # they change nothing
        self.asked: Counter[str] = Counter()
        self.records: list[Record] = []
        self.check = AuditCheck(
            at=NOW, entries=18_204, last=18_204, head="4b" * 32, anchors=288, anchored=ago(240), faults=[]
        )
        self.clock = StandingClock()
        self._streams: set[asyncio.Queue[Update | None]] = set()
        self._wishes: dict[str, Wish] = {}

    # for the tests

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def push(self, **what: object) -> None:
        """Sends an update to every screen."""
        if "alarms" in what:  # the stream sends all that stand
            self.standing |= {item.id: item for item in what["alarms"]}
            self.standing = {
                key: item for key, item in self.standing.items() if item.ended is None or item.acknowledged is None
            }
            what = {"alarms": list(self.standing.values())}
        self.picture = what.get("overview", self.picture)
        kind = {"values": "values", "overview": "overview", "alarms": "alarms", "points": "catalog"}[next(iter(what))]
        for stream in self._streams:
            stream.put_nowait(Update(kind=kind, at=self.now, **what))

    def lose(self) -> None:
        self.lost = True
        for stream in self._streams:
            stream.put_nowait(None)

    def come_back(self) -> None:
        self.lost = False

    # the port

    def _answer(self, question: str) -> None:
        self.asked[question] += 1
        if self.lost:
            raise AgentLost("nobody answers at the socket")

    async def relaxations(self) -> list[RelaxationInfo]:
        self._answer("relaxations")
        return []

    async def consent(self, keys: list[str], reason: str, *, withdraw: bool = False) -> list[RelaxationInfo]:
        self._answer("consent")
        self.changes.append(("consent", (keys, reason, withdraw)))
        return []

    async def discover(self, *, start: bool = True) -> Discovery:
        self._answer("discover")
        if start:
            self.changes.append(("discover", None))
        return self.look.model_copy(update={"running": start or self.look.running})

    async def device_schedules(self, *, refresh: bool = False) -> list[DeviceScheduleInfo]:
        self._answer("device_schedules")
        return schedule_story.device_schedules(self.now)

    async def import_schedule(self, schedule: str) -> ImportedSchedule:
        self._answer("import_schedule")
        return ImportedSchedule(id=schedule, toml="", remarks=[])

    async def drift(self, schedule: str = "") -> list[DriftInfo]:
        self._answer("drift")
        return []

    async def preview_export(self, schedule: str, reason: str) -> ExportPlan:
        self._answer("preview_export")
        raise FacilityError("unknown", f"{schedule!r} belongs to no programme")

    async def export_schedule(self, plan: str) -> ExportResult:
        self._answer("export_schedule")
        raise FacilityError("stale-plan", f"{plan!r} is no longer valid")

    async def stats(self) -> dict[str, float]:
        self._answer("stats")
        return {}

    async def hello(self) -> Hello:
        self._answer("hello")
        if self.deaf:
            await asyncio.Event().wait()
        return Hello(
            site="mercy", site_name="Mercy General", agent="main", version="0.1.0", zone="America/Chicago",
            pretend=self.pretend, user="rdiaz", role=self.role, started=ago(86400 * 41),
            permissions=sorted(PERMISSIONS[self.role]),
        )  # fmt: skip

    async def points(self) -> list[PointInfo]:
        self._answer("points")
        return self.catalog

    async def values(self) -> list[ValueInfo]:
        self._answer("values")
        return list(self.readings.values())

    async def devices(self) -> list[DeviceInfo]:
        self._answer("devices")
        names = {"ahu-4": ("AHU-4 controller", "online", 1204), "pharm-797": ("Pharmacy VAV 4", "offline", 2611),
                 "or-3": ("VAV OR-3", "online", 2203), "ms-3": ("MS/TP 11 gateway", "slow", 1307)}  # fmt: skip
        return [
            DeviceInfo(
                id=key, name=name, vendor="Acme", model="X1", instance=number, network=1, address="10.4.1.22",
                status=status, since=ago(1260) if status != "online" else None, points=38, reads="multiple",
                cov="20 of 38", duplicate=False, quarantine=self.quarantine if key == "or-3" else "",
                passport=passport(rpm_limit=24, says=SAYS) if key == "pharm-797" else None,
            )
            for key, (name, status, number) in names.items()
        ]  # fmt: skip

    async def approve(self, device: str, reason: str) -> DeviceInfo:
        self._answer("approve")
        self.changes.append(("approve", (device, reason)))
        self.quarantine = ""
        return next(each for each in await self.devices() if each.id == device)

    async def overview(self) -> Overview:
        self._answer("overview")
        return self.picture

    async def alarms(self) -> list[AlarmInfo]:
        self._answer("alarms")
        return list(self.standing.values())

    async def overrides(self) -> list[OverrideInfo]:
        self._answer("overrides")
        return self.picture.overrides

    async def demand_events(self) -> list[DemandEventInfo]:
        self._answer("demand_events")
        return []

    async def demand_event(self, event: DemandNotice) -> DemandAnswer:
        self._answer("demand_event")
        self.changes.append(("demand_event", event))
        return DemandAnswer(id=event.id, result="taken")

    async def cancel_demand_event(self, event: str) -> DemandAnswer:
        self._answer("cancel_demand_event")
        raise FacilityError("unknown", f"There is no event {event}.")

    async def special_events(self) -> list[SpecialEventInfo]:
        self._answer("special_events")
        return []

    async def announce_event(
        self, programme: str, state: str, until: datetime, reason: str, begin: datetime | None = None
    ) -> SpecialEventInfo:
        self._answer("announce_event")
        self.changes.append(("announce_event", (programme, state, until, reason, begin)))
        return SpecialEventInfo(
            id="1a2b",
            programme=programme,
            state=state,
            begin=begin or NOW,
            end=until,
            by="rdiaz",
            reason=reason,
            is_on=begin is None,
        )

    async def withdraw_event(self, event: str, reason: str) -> SpecialEventInfo:
        self._answer("withdraw_event")
        raise FacilityError("unknown", f"There is no event {event!r}.")

    async def rehearse(
        self, days: int = 7, changes: Sequence[str] = (), *, edited: bool = False, thermal: bool = False
    ) -> RehearsalInfo:
        self._answer("rehearse")
        self.rehearsals.append((days, tuple(changes), edited, thermal))
        return self.rehearsed

    async def rehearsal(self, rehearsal: str) -> RehearsalInfo:
        self._answer("rehearsal")
        return self.rehearsed

    async def stop_rehearsal(self, rehearsal: str) -> RehearsalInfo:
        self._answer("stop_rehearsal")
        self.rehearsed = self.rehearsed.model_copy(update={"state": "stopped"})
        return self.rehearsed

    async def apply_changes(self, rehearsal: str, reason: str) -> AppliedInfo:
        self._answer("apply_changes")
        self.changes.append(("apply_changes", (rehearsal, reason)))
        return AppliedInfo(changes=self.rehearsed.changes, written="/etc/facility.toml")

    async def schedules(self) -> list[ScheduleInfo]:
        self._answer("schedules")
        today = datetime(2026, 11, 24, tzinfo=UTC)  # a Tuesday
        notes = ["today", "half day", "Thanksgiving", "", "", "", ""]
        hours = {0: 1140, 1: 1020, 3: 1140, 6: 1140}
        days = [
            ScheduleDay(
                date=(today + timedelta(days=i)).date().isoformat(),
                note=notes[i],
                blocks=[Block(start=300, end=hours[i], state="occupied")] if i in hours else [],
            )
            for i in range(7)
        ]
        soon = NOW + timedelta(hours=2, minutes=46)
        return [
            ScheduleInfo(name="Clinic B occupancy", what="21.0 / 24.0 °C", points=24, days=days,
                         now_state="unoccupied", next_change=soon, next_state="occupied",
                         written=schedule_story.written()),
            ScheduleInfo(name="ORs", what="clinical 24/7", points=38, days=days, now_state="occupied",
                         next_change=None, next_state=""),
        ]  # fmt: skip

    async def calendar(self, first: date, days: int = 31) -> CalendarInfo:
        self._answer("calendar")
        return schedule_story.calendar(first, days)

    async def policies(self, policy: str = "") -> list[PolicyState]:
        self._answer("policies")
        return [state for state in schedule_story.policies(self.now) if policy in ("", state.name)]

    async def demand(self) -> DemandInfo:
        self._answer("demand")
        return energy_story.demand(self.now)

    async def energy(self, days: int = 7) -> EnergyReport:
        self._answer("energy")
        return energy_story.report(self.now, days)

    async def compliance_report(self, days: int = 30) -> ComplianceReport:
        self._answer("compliance")
        return energy_story.compliance(self.now, days)

    async def detail(self, point: str) -> PointDetail:
        self._answer("detail")
        info = self._info(point)
        slots = None
        if info.commandable:
            slots = [SlotInfo(priority=n, value="", by="") for n in range(1, 17)]
            slots[14] = SlotInfo(priority=15, value="14.0 °C", by="weekday")
        return PointDetail(
            info=info, value=self.readings.get(point), slots=slots, relinquish_default="13.0 °C", winner=15,
            records=[Record(seq=7, time=ago(4000), by="policy:weekday", action="hold", target=point, value="14.0 °C",
                            priority=15, reason="weekday schedule", result="held")],
            source="COV, polled every 5 min as proof of life",
            why=await self.why(point),
        )  # fmt: skip

    async def why(self, point: str) -> Why:
        self._answer("why")
        info = self._info(point)
        read = "priority array, read 02:14"
        return Why(
            point=point, value=f"{info.name} is 14.0 °C, told by the device at 02:14.",
            steps=[
                WhyStep(kind="slot", text="Slot 15 (agent: schedule) holds 14.0 °C and wins.", evidence=read,
                        target=f"slots:{point}"),
                WhyStep(kind="who", text="Policy weekday has held it since 23:44.", evidence="audit entry 7",
                        target="record:7", at=ago(9000)),
                WhyStep(kind="rule", text="Its reason: ORs is occupied (weekly).", evidence="programme ORs",
                        target="schedule:ORs"),
                WhyStep(kind="beneath", text="Beneath it waits: 16 not ours 12.0 °C.", evidence=read,
                        target=f"slots:{point}"),
                WhyStep(kind="effect", text="An alarm stands since 01:33 (41 min): HIGH, Operating room too warm.",
                        evidence="alarm book", target="alarm:a2", at=ago(2460)),
                WhyStep(kind="next", text="05:00 programme ORs turns occupied; policy weekday then wants 16.0 °C.",
                        evidence="programme ORs", target="schedule:ORs", at=NOW + timedelta(hours=2, minutes=46)),
            ],
        )  # fmt: skip

    async def trend(self, point: str, since: datetime, until: datetime, buckets: int) -> Trend:
        self._answer("trend")
        if point in energy_story.POWERS:
            return energy_story.trend(point, since, until, buckets)
        self._info(point)
        step = (until - since) / buckets
        made = []
        for i in range(buckets):
            gap = buckets * 6 // 10 <= i < buckets * 65 // 100
            middle = 21 + 2 * math.sin(i / buckets * 12) + (3 if i > buckets * 0.9 else 0)
            made.append(
                Bucket(
                    start=since + i * step,
                    low=None if gap else middle - 0.3,
                    high=None if gap else middle + 0.3,
                    mean=None if gap else middle,
                    last=None if gap else middle,
                    missing=step.total_seconds() if gap else 0.0,
                )
            )
        return Trend(point=point, since=since, until=until, buckets=made)

    async def audit(
        self,
        target: str | None = None,
        limit: int = 100,
        by: str | None = None,
        since: datetime | None = None,
        entry: int | None = None,
    ) -> list[Record]:
        self._answer("audit")
        assert (by, since, entry) == (None, None, None)  # what no screen asks for
        return [record for record in self.records if target in (None, record.target)][:limit]

    async def audit_check(self) -> AuditCheck:
        self._answer("audit_check")
        return self.check

    async def audit_page(self, after: int = 0, until: int = 0) -> AuditPage:
        raise AssertionError("no screen takes the audit away")

    async def read(self, point: str) -> ValueInfo:
        self._answer("read")
        return self.readings[self._info(point).id]

    async def preview(self, wish: Wish) -> Plan:
        self._answer("preview")
        info = self._info(wish.point)
        self._wishes[f"plan-{len(self._wishes)}"] = wish
        wanted = f"{wish.value} {info.unit}".strip() if wish.value is not None else "nothing (release)"
        what = f"{wanted} to {wish.point} (analog-value 14, slot 8)"
        return Plan(
            id=f"plan-{len(self._wishes) - 1}", point=wish.point, what=what,
            verdict=self.verdict, rule="" if self.verdict == "allowed" else "WARD-TEMP",
            why="" if self.verdict == "allowed" else "Rooms may pass 24.0 °C about 03:05.",
            source="" if self.verdict == "allowed" else "ASHRAE 170 Table 7-1, 2021; not verified at this site",
            wins="yes: nothing stands above; beneath: 15 14.0 °C",
            slots=[SlotInfo(priority=15, value="14.0 °C", by="weekday")],
            spaces=[Touched(name="OR-3", critical=True), Touched(name="Office 5", critical=False)],
            ramp="reaches 18.0 °C in about 3 min",
            down=f"the slot keeps {wanted} until the agent is back: BACnet writes have no time-out",
            check="will check that ahu-4/supply-air-temp rises within 10 min",
            owner="rdiaz", reason=wish.reason,
            ends=self.now + timedelta(minutes=wish.minutes) if wish.minutes else None,
            after="slot 8 is released, then 14.0 °C of slot 15", valid_until=self.now + timedelta(seconds=60),
        )  # fmt: skip

    async def commit(self, plan: str) -> Result:
        self._answer("commit")
        if plan not in self._wishes:
            raise FacilityError("stale-plan", "the slots have changed since the preview: slot 5 appeared")
        wish = self._wishes.pop(plan)
        if self.verdict == "second-person":
            self.changes.append(("ask", wish))
            text = "Nothing was written: it needs a second person. Request 3f9a waits until 02:24."
            until = self.now + timedelta(minutes=10)
            return Result(status="asked", point=wish.point, request="3f9a", until=until, text=text)
        self.changes.append(("commit", wish))
        if wish.value is None:
            return Result(status="released", point=wish.point, text="slot 8 is empty; slot 15 holds it at 14.0 °C")
        readback = value(wish.point, wish.value, age=0, source="write", held="8 rdiaz")
        until = self.now + timedelta(minutes=wish.minutes or 0)
        return Result(status="held", point=wish.point, text=f"read back: {wish.value}, slot 8 wins", readback=readback,
                      winner=8, until=until)  # fmt: skip

    async def waiting(self) -> list[WaitingInfo]:
        self._answer("waiting")
        return self.picture.waiting

    async def second(self, request: str) -> Plan:
        self._answer("second")
        [found] = [each for each in self.picture.waiting if each.id == request]
        plan = await self.preview(Wish(point=found.point, value=18.0, minutes=120, reason=found.reason))
        return plan.model_copy(update={"owner": f"{found.by}, seconded by rdiaz"})

    async def dismiss(self, request: str) -> WaitingInfo:
        self._answer("dismiss")
        self.changes.append(("dismiss", request))
        return next(each for each in self.picture.waiting if each.id == request)

    async def acknowledge(self, alarm: str, reason: str = "") -> AlarmInfo:
        self._answer("acknowledge")
        self.changes.append(("acknowledge", (alarm, reason)))
        seen = self.standing[alarm].model_copy(
            update={"state": "ack", "acknowledged": self.now, "acknowledged_by": "rdiaz"}
        )
        self.standing[alarm] = seen
        return seen

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[AsyncIterator[Update]]:
        self._answer("watch")
        stream: asyncio.Queue[Update | None] = asyncio.Queue()
        self._streams.add(stream)
        try:
            yield self._updates(stream)
        finally:
            self._streams.discard(stream)

    async def _updates(self, stream: asyncio.Queue[Update | None]) -> AsyncIterator[Update]:
        at = self.now
        yield Update(kind="hello", at=at, hello=await self.hello())
        yield Update(kind="catalog", at=at, points=self.catalog)
        yield Update(kind="values", at=at, values=list(self.readings.values()))
        yield Update(kind="overview", at=at, overview=self.picture)
        yield Update(kind="alarms", at=at, alarms=list(self.standing.values()))
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    update = await stream.get()
            except TimeoutError:
                if not self.deaf:
                    yield Update(kind="overview", at=self.now, overview=self.picture)
                continue
            if update is None:
                raise AgentLost("the agent closed the connection")
            yield update

    def _info(self, point: str) -> PointInfo:
        for info in self.catalog:
            if info.id == point:
                return info
        raise FacilityError("unknown-point", f"no point is called {point}")
