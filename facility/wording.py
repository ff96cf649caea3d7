"""Plans and results as a person reads them: what a wish would do, and what became of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from facility import views
from facility.model import Claim, Failed, Held, Mismatch, Outcome, Outranked, Rejected
from facility.preview import Preview
from facility.wire import Plan, Result, ValueInfo
from points.model import Point, Value
from points.units import show

Status = Literal["held", "released", "outranked", "mismatch", "rejected", "failed"]


def sentence(text: object) -> str:
    """With the full stop that errors have or have not."""
    return f"{str(text).rstrip('. ')}."


def plan(preview: Preview, point: Point, claims: Mapping[int, Claim]) -> Plan:
    """What the wish would do. `claims`: ours at the point, by level."""
    verdict, command = preview.verdict, preview.command
    where = f"{point.ref.object_type} {point.ref.instance}, slot {int(command.priority)}"
    wish = "release" if command.value is None else f"write {show(point, command.value)} to"
    return Plan(
        id=preview.id,
        point=point.id,
        what=f"{wish} {point.id} ({where})",
        verdict=verdict.decision,
        rule=verdict.rule,
        why=verdict.text,
        wins=_wins(preview),
        slots=views.slot_infos(preview.slots, point, claims) if preview.slots else [],
        ends=preview.ends,
        after=_after(preview, point),
        valid_until=preview.valid_until,
    )


def result(
    outcome: Outcome, point: Point | None, *, ours: bool, readback: ValueInfo | None, now: datetime, zone: ZoneInfo
) -> Result:
    """How a command ended. `ours`: a claim of ours stands in its slot; `point` is None if it is not known any more."""
    command = outcome.command
    until = None if command.lasts is None else now + command.lasts
    status, text = _end(outcome, point, ours=ours, end=f" until {until.astimezone(zone):%H:%M}" if until else "")
    return Result(
        status=status,
        point=command.point,
        text=text,
        readback=readback,
        winner=outcome.slots.winner if isinstance(outcome, (Held, Outranked, Mismatch)) else None,
        until=until if status in ("held", "outranked") else None,
    )


def _end(outcome: Outcome, point: Point | None, *, ours: bool, end: str) -> tuple[Status, str]:
    command = outcome.command
    name, slot = command.point, int(command.priority)
    wanted = _said(point, command.value)
    match outcome:
        case Held() if command.value is None:
            return "released", f"{name} is released; slot {slot} is empty."
        case Held():
            return "held", f"{name} is held at {wanted}{end}, read back from the device."
        case Outranked(by_slot=winner):
            return "outranked", f"{wanted} stands in slot {slot}, but slot {winner} wins."
        case Mismatch(found=None):
            return "mismatch", f"The device did not take {wanted}: the slot is empty. Nothing is held."
        case Mismatch(found=found) if command.value is None:
            after = "The agent tries again." if ours else "It is not ours and was left alone."
            return "mismatch", f"The slot still holds {_said(point, found)}. {after}"
        case Mismatch(found=found):
            after = "It is held all the same." if ours else "It is not ours and was left alone."
            return "mismatch", f"The slot holds {_said(point, found)}, not {wanted}. {after}"
        case Rejected(rule=rule, why=why):
            return "rejected", f"Refused ({rule}): {why}"
        case Failed(why=why, written=written):
            after = "The write may have arrived; it is being checked." if written else "Nothing was written."
            return "failed", f"{sentence(why)} {after}"


def _said(point: Point | None, value: Value | None) -> str:
    if value is None:
        return "nothing"
    return show(point, value) if point else str(value)


def _wins(preview: Preview) -> str:
    if preview.slots is None or preview.verdict.refused:
        return ""
    if preview.outranked_by is not None:
        return f"no: level {preview.outranked_by} stands above, {views.LEVELS.get(preview.outranked_by, 'not ours')}"
    return "yes: nothing stands above"


def _after(preview: Preview, point: Point) -> str:
    """What applies when the slot is empty again, and that it is the agent who empties it."""
    if preview.slots is None:
        return ""
    level, value = preview.beneath
    what = f"{show(point, value)} from {'the relinquish default' if level is None else f'level {level}'}"
    if preview.command.value is None:
        return f"then {what}"
    return f"the agent lets go, when it is back if it is down then; then {what}"
