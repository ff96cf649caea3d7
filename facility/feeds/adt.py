"""HL7 v2 bed status, ADT^A20, in a grammar that has no room for a person. Pure.

A message is three segments, MSH, EVN and NPU, and every field of them is from a closed list or a time: the names of
systems and the beds are those of the configuration, the states those of table 0116. The one field that is the sender's
own is the control id, short and of letters and digits; nothing but the answer to that sender has it. Any other segment
(PID, PV1, NK1, OBX, DG1, Z..), field, component, repetition, escape or character refuses the whole message.

What is refused is told as a reason, never as an error: an error would carry what it is about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from facility.feeds.book import AHEAD, BedReport, to_milliseconds
from facility.feeds.messages import OLDEST
from facility.feeds.tally import Refused
from points.model import SpaceId
from schedules.feeds import BedState

_NAME = rb"([A-Za-z0-9_.-]{0,32})"
_STAMP = rb"([0-9]{12}(?:[0-9]{2}(?:\.[0-9]{1,4})?)?(?:[+-][0-9]{4})?)"
_MAYBE = _STAMP + rb"?"
_CONTROL = rb"[A-Za-z0-9._-]{1,20}"
_HEADER = re.compile(  # MSH-1 to MSH-12, and of the rest only what says how to answer and how it is written
    rb"MSH\|\^~\\&\|" + rb"\|".join([_NAME] * 4) + rb"\|" + _MAYBE + rb"\|\|"
    rb"ADT\^A20(?:\^ADT_A20)?\|(" + _CONTROL + rb")\|P\|2\.[3-8](?:\.[12])?"
    rb"(?:\|[0-9]{0,15}(?:\|(?:\|(?:AL|NE|ER|SU)?(?:\|(?:AL|NE|ER|SU)?(?:\|[A-Z]{0,3}"
    rb"(?:\|(?:ASCII|UNICODE UTF-8|8859/1)?)?)?)?)?)?)?\|*"
)
_EVENT = re.compile(rb"EVN\|(?:A20)?\|" + _STAMP + rb"(?:\|" + _MAYBE + rb"(?:\|\|(?:\|" + _MAYBE + rb")?)?)?\|*")
_STATUS = re.compile(
    rb"NPU\|([A-Za-z0-9_. -]{0,20}(?:\^[A-Za-z0-9_. -]{0,20}){0,2})(?:\^" + _NAME + rb")?\^*\|"
    rb"([A-Z])(?:\^\^HL70116)?\|*"
)
_TYPE = re.compile(rb"MSH\|\^~\\&\|(?:[^|\r]*\|){6}ADT\^A20(?:\^ADT_A20)?\|[^|\r]*\|P\|2\.")
_ANY_CONTROL = re.compile(rb"MSH\|\^~\\&\|(?:[^|\r]*\|){7}(" + _CONTROL + rb")(?:\||\r|\Z)")


FARTHEST_OFFSET = 14 * 60  # minutes; the Line Islands


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """What the configuration says of the sender's world."""

    zone: ZoneInfo
    """Of times that name no offset."""
    systems: frozenset[str] = frozenset()
    """Names of applications and facilities that may stand in a message."""
    beds: Mapping[str, SpaceId] = field(default_factory=dict)
    """`point of care^room^bed` -> the space that the bed is in."""


def location(text: str) -> str:
    """A bed's location as it is looked up: three components, without what is empty at the end."""
    return "^".join((*text.split("^"), "", "")[:3])


def bed_report(message: bytes, hospital: Hospital, now: datetime) -> BedReport | Refused:
    """What the message says."""
    segments = message.removesuffix(b"\r").split(b"\r")
    if not message.startswith(b"MSH|"):
        return Refused.NOT_READABLE
    if _TYPE.match(segments[0]) is None:
        return Refused.NOT_OURS
    if len(segments) != 3:
        return Refused.NOT_IN_SHAPE
    header, event, status = (
        form.fullmatch(segment) for form, segment in zip((_HEADER, _EVENT, _STATUS), segments, strict=True)
    )
    if header is None or event is None or status is None:
        return Refused.NOT_IN_SHAPE
    names = {name.decode() for name in (*header.groups()[:4], status[2] or b"") if name}
    if not names <= hospital.systems:
        return Refused.NOT_OURS
    stamps = [stamp for stamp in (header[5], *event.groups()) if stamp]
    times = [_instant(stamp.decode(), hospital.zone, now) for stamp in stamps]
    if any(time is None or not now - OLDEST <= time <= now + AHEAD for time in times):
        return Refused.TIME
    place = location(status[1].decode())
    if place not in hospital.beds:
        return Refused.UNKNOWN_SPACE
    try:
        state = BedState(status[3].decode())
    except ValueError:
        return Refused.UNKNOWN_STATE
    recorded = _instant((event[3] or event[1]).decode(), hospital.zone, now) or now
    return BedReport(space=hospital.beds[place], bed=place, state=state, time=to_milliseconds(min(recorded, now)))


def control_id(message: bytes) -> str:
    """The sender's own id of a message, if it looks like one; else ""."""
    found = _ANY_CONTROL.match(message)
    return "" if found is None else found[1].decode()


def answer(verdict: Refused | None, control: str, now: datetime, number: int) -> bytes:
    """The acknowledgement: of what came it says the control id, and no more. The text is one of our own reasons."""
    code = "AA" if verdict is None else "AR" if verdict in (Refused.NOT_OURS, Refused.NOT_READABLE) else "AE"
    header = f"MSH|^~\\&|FACILITY||||{now.astimezone(UTC):%Y%m%d%H%M%S}+0000||ACK^A20^ACK|F{number}|P|2.5"
    said = "" if verdict is None else f"|{verdict.value}"
    return f"{header}\rMSA|{code}|{control}{said}\r".encode("ascii")


def _instant(stamp: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """`20261124120000.123-0600`; without an offset it is the site's civil time."""
    digits, sign, offset = _parted(stamp)
    whole, _, fraction = digits.partition(".")
    try:
        time = datetime.strptime(whole.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - the zone comes below
        time += timedelta(seconds=float(f"0.{fraction or 0}"))
        if not sign:
            return _civil(time, zone, now)
        minutes = int(offset[:2]) * 60 + int(offset[2:])
        if minutes > FARTHEST_OFFSET or int(offset[2:]) > 59:
            return None
        shift = timedelta(minutes=minutes if sign == "+" else -minutes)
        return (time - shift).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _civil(time: datetime, zone: ZoneInfo, now: datetime) -> datetime:
    """In the hour that comes twice it is the later one, unless that is still to come."""
    first, second = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first if second > now + AHEAD else second


def _parted(stamp: str) -> tuple[str, str, str]:
    for sign in "+-":
        digits, found, offset = stamp.partition(sign)
        if found:
            return digits, sign, offset
    return stamp, "", ""
