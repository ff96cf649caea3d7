"""Plans and results as a person reads them: what a wish would do, and what became of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from facility import views
from facility.model import Claim, Command, Failed, Held, Mismatch, Outcome, Outranked, Rejected
from facility.preview import Preview
from facility.requests import Request
from facility.wire import Plan, Result, Touched, ValueInfo, WaitingInfo
from points.model import Point, Reading, Value
from points.units import show

AT_ONCE_S = 1.0  # shorter ramps are none to a person
LONG_S = 120.0  # from here on in minutes

Status = Literal["held", "released", "outranked", "mismatch", "rejected", "failed", "asked"]


def sentence(text: object) -> str:
    """With the full stop that errors have or have not."""
    return f"{str(text).rstrip('. ')}."


def plan(
    preview: Preview,
    point: Point,
    claims: Mapping[int, Claim],
    spaces: Sequence[Touched] = (),
    *,
    ramp: timedelta = timedelta(0),
    check: str = "",
) -> Plan:
    """What the wish would do. `claims`: ours at the point, by level; `spaces`: those it acts on."""
    verdict, command = preview.verdict, preview.command
    where = f"{point.ref.object_type} {point.ref.instance}, slot {int(command.priority)}"
    seconded = f", seconded by {views.owner(command.seconded_by)}" if command.seconded_by else ""
    return Plan(
        id=preview.id,
        point=point.id,
        what=f"{_wish(command, point)} ({where})",
        verdict=verdict.decision,
        rule=verdict.rule,
        source=verdict.source,
        why=f"{verdict.why} {verdict.instead}".strip(),
        wins=_wins(preview, point),
        slots=views.slot_infos(preview.slots, point, claims) if preview.slots else [],
        spaces=list(spaces),
        ramp=_ramp(ramp, command, point),
        ends=preview.ends,
        after=_after(preview, point),
        down=_down(preview, point),
        check=check,
        owner=f"{views.owner(command.by)}{seconded}",
        reason=command.reason,
        valid_until=preview.valid_until,
    )


def waiting(request: Request, point: Point | None, asked_by: str, *, may: bool) -> WaitingInfo:
    """A request as the caller sees it. `may`: he may command the point."""
    command, verdict, mine = request.command, request.verdict, request.command.by == asked_by
    return WaitingInfo(
        id=request.id,
        point=command.point,
        what=_wish(command, point),
        by=views.owner(command.by),
        reason=command.reason,
        asked_at=request.asked_at,
        until=request.expires,
        rule=verdict.rule,
        why=f"{verdict.why} {verdict.instead}".strip(),
        source=verdict.source,
        mine=mine,
        may_second=may and not mine,
    )


def asked(request: Request, zone: ZoneInfo) -> Result:
    """Nothing was written: a second person has been asked for."""
    until = f"{request.expires.astimezone(zone):%H:%M}"
    return Result(
        status="asked",
        point=request.command.point,
        text=f"Nothing was written: it needs a second person. Request {request.id} waits until {until}; "
        f"somebody else runs `facility second {request.id}`, or opens it under Needs you.",
        until=request.expires,
        request=request.id,
    )


def result(
    outcome: Outcome,
    point: Point | None,
    *,
    ours: bool,
    readback: ValueInfo | None,
    now: datetime,
    zone: ZoneInfo,
    was_empty: bool = False,
) -> Result:
    """How a command ended. `ours`: a claim of ours stands in its slot; `point` is None if it is not known any more.

    `was_empty`: its slot held nothing before.
    """
    command = outcome.command
    until = None if command.lasts is None else now + command.lasts
    status, text = _end(outcome, point, ours=ours, end=f" until {until.astimezone(zone):%H:%M}" if until else "")
    if status == "released" and was_empty:
        text = f"Nothing was held: slot {int(command.priority)} of {command.point} is empty, as it was before."
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
        case Held(goal=None):
            return "held", f"{name} is held at {wanted}{end}, read back from the device."
        case Held(goal=goal):
            return "held", f"{name} is at {wanted}, on its way to {_said(point, goal)}{end}; read back from the device."
        case Outranked(by_slot=winner):
            return "outranked", f"{wanted} stands in slot {slot}, but slot {winner} wins."
        case Mismatch(present=Reading() as present):
            why = f" ({present.reason})" if present.reason else ""
            shown = f"{_said(point, present.value)}{why}"
            return "mismatch", f"{wanted} is held in slot {slot} and wins, but the present value is {shown}."
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


def _wish(command: Command, point: Point | None) -> str:
    if command.value is None:
        return f"release {command.point}"
    return f"write {_said(point, command.value)} to {command.point}"


def _wins(preview: Preview, point: Point) -> str:
    if preview.slots is None or preview.verdict.refused:
        return ""
    own, winner = int(preview.command.priority), preview.outranked_by
    stand = [(level, value) for level, value in enumerate(preview.slots.values, 1) if value is not None]
    beneath = [f"{level} {show(point, value)}" for level, value in stand if level > own]
    after = f"; beneath: {', '.join(beneath)}" if beneath else "; nothing stands beneath"
    if winner is None:
        return f"yes: nothing stands above{after}"
    above = show(point, next(value for level, value in stand if level == winner))
    return f"no: level {winner} stands above, {views.LEVELS.get(winner, 'not ours')}, at {above}{after}"


def _after(preview: Preview, point: Point) -> str:
    """What applies when the slot is empty again, and that it is the agent who empties it."""
    if preview.slots is None:
        return ""
    level, value = preview.beneath
    what = f"{show(point, value)} from {'the relinquish default' if level is None else f'level {level}'}"
    if preview.command.value is not None:
        return f"the agent lets go; then {what}"
    also = ", ".join(f"{claim.point} (slot {int(claim.priority)}, {views.owner(claim.by)})" for claim in preview.also)
    return f"then {what}; with it ends {also}: a room's air is let go of as a whole" if also else f"then {what}"


def _ramp(lasts: timedelta, command: Command, point: Point) -> str:
    seconds = lasts.total_seconds()
    if seconds < AT_ONCE_S:
        return ""
    about = f"{seconds / 60:.0f} min" if seconds >= LONG_S else f"{seconds:.0f} s"
    return f"reaches {_said(point, command.value)} in about {about}"


def _down(preview: Preview, point: Point) -> str:
    value = preview.command.value
    if preview.slots is None or value is None:
        return ""
    return f"the slot keeps {show(point, value)} until the agent is back: BACnet writes have no time-out"
