"""From what the agent knows to what travels: pure translations, one per thing a screen shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from facility.claims import is_ours
from facility.guard import Limits
from facility.model import Alarm, Claim
from facility.serving import Serving
from facility.wire import (
    AlarmInfo,
    Block,
    DeviceInfo,
    Hold,
    PassportInfo,
    PointInfo,
    ScheduleDay,
    ScheduleInfo,
    SlotInfo,
    Touched,
    ValueInfo,
)
from points.catalog import Catalog
from points.classify.equipment import CENTRAL
from points.freshness import DeviceStatus
from points.model import Device, Point, PointId, Quality, Reading, Safety, Slots, Space, Value
from points.selectors import tags_of
from points.units import show, symbol, ucum
from schedules.calendar import WEEKLY, Programme, day_blocks, next_transition, state_at, why
from schedules.civil import DAY, civil_day, instant_of
from schedules.policy import Policy

LEVELS = {
    1: "manual life safety",
    2: "automatic life safety",
    5: "critical equipment control",
    6: "minimum on/off",
    8: "operator",
    10: "agent: protect",
    12: "agent: demand",
    13: "agent: restart",
    14: "agent: occupancy",
    15: "agent: schedule",
    16: "default writers",
}
"""What each level of the priority array is for at this site (ASHRAE 135 names 1, 2, 5, 6 and 8)."""

UNSAID = "what it serves is not known here"

RELEASED_WITHIN = timedelta(minutes=1)  # of its end: until then it is being released


def owner(by: str) -> str:
    """`user:rdiaz` -> `rdiaz`; `policy:office-heating` -> `office-heating`."""
    return by.partition(":")[2] or by


def point_info(
    point: Point, catalog: Catalog, topic: str, limits: Limits | None, command: Limits | None = None
) -> PointInfo:
    """`limits`: between which it is in range; `command`: between which the rules let it be commanded."""
    space = catalog.spaces.get(point.space) if point.space else None
    return PointInfo(
        id=point.id,
        name=point.name,
        description=point.description,
        kind=point.kind.value,
        point_class=point.point_class,
        unit=symbol(point.unit),
        ucum=(ucum(point.unit) or "") if point.unit else "",
        states=list(point.states),
        low=point.low,
        high=point.high,
        access=point.access.value,
        safety=point.safety.value,
        confidence=round(point.confidence, 2),
        device=point.device,
        equipment=point.equipment or "",
        space=point.space or "",
        space_name=space.name if space else "",
        tags=list(tags_of(point, catalog)),
        object=f"{point.ref.object_type} {point.ref.instance}",
        commandable=point.commandable,
        present=point.present,
        quarantined=point.quarantined,
        limit_low=limits.low if limits else None,
        limit_high=limits.high if limits else None,
        command_low=max(_said(point.low, command.low if command else None), default=None),
        command_high=min(_said(point.high, command.high if command else None), default=None),
        topic=topic,
    )


def _said(*limits: float | None) -> list[float]:
    return [limit for limit in limits if limit is not None]


def touched(point: Point, catalog: Catalog, critical: Callable[[Space], bool], serving: Serving) -> list[Touched]:
    """The spaces that a command of the point acts on: its own, or those that its equipment serves or has points in."""
    said = serving.of(point)
    if point.space:
        ids = {point.space}
    else:
        ids = {
            other.space
            for other in catalog.points.values()
            if other.space and point.equipment and other.equipment == point.equipment
        }
    spaces = {each: catalog.spaces.get(each) for each in ids | (said or set())}
    shown = [
        Touched(name=each, critical=True) if space is None else Touched(name=space.name, critical=critical(space))
        for each, space in spaces.items()
    ]
    if said is None and point.safety is Safety.CRITICAL and (not ids or point.equipment_type in CENTRAL):
        shown.append(Touched(name=UNSAID, critical=True))
    return sorted(shown, key=lambda space: (not space.critical, space.name))


def value_info(reading: Reading, tag: str, held: str) -> ValueInfo:
    """`tag`: the sign of its point's alarms; what is not known has a sign of its own."""
    return ValueInfo.model_construct(
        _VALUE_FIELDS,
        id=reading.point,
        value=reading.value,
        quality=reading.quality.value,
        reason=reading.reason,
        time=reading.time,
        at=reading.at,
        source=reading.source.value,
        flags=int(reading.flags),
        tag=tag if reading.quality is Quality.GOOD else "?",
        held=held,
    )


_VALUE_FIELDS = set(ValueInfo.model_fields)


def tag_of_alarms(severities: Collection[str]) -> str:
    """The sign in front of a row: the worst standing alarm of the point."""
    if "LIFE" in severities or "CRIT" in severities:
        return "!!"
    return "!" if severities else ""


def held_by(claims: Iterable[Claim]) -> str:
    """`8 mchen`: the claim of ours that stands highest."""
    highest = min(claims, key=lambda claim: claim.priority, default=None)
    return "" if highest is None else f"{int(highest.priority)} {owner(highest.by)}"


def device_info(
    device: Device, points: int, status: DeviceStatus | None, passport: PassportInfo | None = None
) -> DeviceInfo:
    limit = "" if status is None or status.cov_limit is None else f" of {status.cov_limit}"
    held = 0 if status is None else status.cov
    return DeviceInfo(
        id=device.id,
        name=device.name,
        vendor=device.vendor,
        model=device.model,
        instance=device.ref.instance,
        network=device.ref.network,
        address=device.ref.address,
        status="vanished" if not device.present else "offline" if status is None else status.status,
        since=None if status is None else status.since,
        points=points,
        reads="multiple" if device.reads_multiple else "single",
        cov=f"{held}{limit}" if held or limit else "none",
        duplicate=device.duplicate,
        quarantine=device.quarantine,
        passport=passport,
    )


def device_found(device: Device, points: int) -> DeviceInfo:
    """A device that was only looked for: it answered just now, or has not."""
    return device_info(device, points, None).model_copy(update={"status": "online" if device.present else "vanished"})


def hold(claim: Claim, point: Point | None, now: datetime, effect: str = "", space: str = "") -> Hold:
    quarantined = point is not None and point.quarantined
    return Hold(
        point=claim.point,
        value=claim.value,
        text=show(point, claim.value) if point else str(claim.value),
        priority=int(claim.priority),
        by=owner(claim.by),
        reason=claim.reason,
        since=claim.since,
        until=claim.until,
        confirmed=claim.confirmed and not quarantined,
        overdue=_overdue(quarantined=quarantined) if now - claim.until >= RELEASED_WITHIN else "",
        effect=effect,
        space=space,
    )


def _overdue(*, quarantined: bool) -> str:
    if quarantined:
        return "its device is in quarantine: approve it, and the agent releases it"
    return "not released yet: its device does not answer, refuses, or cannot be recognised"


def alarm_info(alarm: Alarm) -> AlarmInfo:
    return AlarmInfo.model_validate(
        {
            "id": alarm.id,
            "kind": alarm.kind.value,
            "severity": alarm.severity.value,
            "state": alarm.state,
            "about": alarm.about,
            "where": alarm.where,
            "text": alarm.text,
            "value": alarm.value,
            "limit": alarm.limit,
            "since": alarm.since,
            "ended": alarm.ended,
            "acknowledged": alarm.acknowledged,
            "acknowledged_by": alarm.acknowledged_by,
        }
    )


def slot_infos(slots: Slots, point: Point, claims: Mapping[int, Claim]) -> list[SlotInfo]:
    """All 16 levels. A value in one of our levels that is not what we wrote is not ours."""
    return [
        SlotInfo(
            priority=level,
            value="" if found is None else show(point, found),
            by="" if found is None else _writer(level, found, claims.get(level)),
        )
        for level, found in enumerate(slots.values, 1)
    ]


def _writer(level: int, found: Value, claim: Claim | None) -> str:
    if claim is not None and is_ours(claim, found):
        return owner(claim.by)
    return f"not ours ({LEVELS.get(level, 'free level')})"


def schedule_info(
    programme: Programme, policies: Iterable[Policy], points: int, now: datetime, zone: ZoneInfo
) -> ScheduleInfo:
    """The seven days from today, and what comes next."""
    today = civil_day(now, zone)
    coming = next_transition(programme, now, zone)
    return ScheduleInfo(
        name=programme.name,
        what=", ".join(policy.name for policy in policies),
        points=points,
        days=[_day(programme, today + timedelta(days=offset), today, zone) for offset in range(7)],
        now_state=state_at(programme, now, zone),
        next_change=coming[0] if coming else None,
        next_state=coming[1] if coming else "",
    )


def _day(programme: Programme, day: date, today: date, zone: ZoneInfo) -> ScheduleDay:
    rule = why(programme, day)
    begin, end = instant_of(day, time(0), zone), instant_of(day + DAY, time(0), zone)
    special = [event.name for event in programme.events if event.begin < end and event.end > begin]
    notes = [note for note in ("today" if day == today else "", "" if rule == WEEKLY else rule, *special) if note]
    return ScheduleDay(
        date=day.isoformat(),
        note=", ".join(notes),
        blocks=[
            Block(start=block.start, end=block.end, state=block.state) for block in day_blocks(programme, day, zone)
        ],
    )


def severities(alarms: Iterable[Alarm]) -> dict[PointId, set[str]]:
    """The levels of the alarms that stand at each point."""
    standing: dict[PointId, set[str]] = {}
    for alarm in alarms:
        if alarm.ended is None:
            standing.setdefault(PointId(alarm.about), set()).add(alarm.severity.value)
    return standing


def claims_by_level(claims: Iterable[Claim]) -> dict[int, Claim]:
    return {int(claim.priority): claim for claim in claims}


def claims_by_point(claims: Iterable[Claim]) -> dict[PointId, list[Claim]]:
    grouped: dict[PointId, list[Claim]] = {}
    for claim in claims:
        grouped.setdefault(claim.point, []).append(claim)
    return grouped
