"""Pure: what is known of a point, in the words and signs a person reads.

A value that is not known is never turned into a number without a mark, and nothing here says
by colour alone what it does not also say by a word or a sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from facility.wire import AlarmInfo, Hold, Lamp, Link, PointInfo, SlotInfo, ValueInfo, WireValue

LEVELS = ("LIFE", "CRIT", "HIGH", "LOW")
LEVEL_SIGNS = {"LIFE": "!!", "CRIT": "!!", "HIGH": "!", "LOW": "i", "": ""}
OPERATOR_SLOT = 8
SLOT_NAMES = (
    "manual life safety", "automatic life safety", "available", "available", "critical equipment", "minimum on/off",
    "available", "operator", "site", "agent: protect", "reserved", "agent: demand", "agent: restart",
    "agent: occupancy", "agent: schedule", "default writes",
)  # fmt: skip
TENTHS = {"°C", "K", "Pa", "kPa", "%", "%RH", "°F", "bar"}
"""Units whose sensors are worth one decimal, so that a column of them does not jump."""
LINK_NAMES = {
    "bacnet": "BACnet", "mqtt": "MQTT", "database": "db", "history": "history",
    "audit": "audit", "planner": "planner", "services": "services", "clock": "clock",
    "feeds": "feeds",
}  # fmt: skip
QUALITY_WORDS = {
    "nan": "bad sensor",
    "infinite": "bad sensor",
    "overridden": "overridden at the device",
    "out-of-service": "out of service",
    "flags-unknown": "state not told",
    "fault": "fault",
    "offline": "offline",
    "stale": "old",
}
FLAG_LETTERS = "AFOX"
"""In alarm, fault, overridden at the device, out of service: bits 0-3 of BACnet Status_Flags."""
SKIMMED = 20
"""Letters of an alarm's text that are in sight in every list, however narrow."""
MINUTE, HOUR, DAY = 60, 3600, 86400
WEEK = timedelta(days=6)


def fit(text: str, width: int) -> str:
    """`text` in at most `width` cells; what was cut ends in an ellipsis."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 0 else ""


def number(value: float, unit: str = "") -> str:
    """A number as precise as it is useful."""
    if unit in TENTHS and abs(value) < 10_000:
        return f"{value:.1f}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def bare(info: PointInfo, value: WireValue | None) -> str:
    """A value of a point without its unit: the number, or the text of its state; "?" where there is none."""
    if value is None:
        return "?"
    if isinstance(value, str):
        return value
    if info.kind == "binary":
        names = info.states if len(info.states) == 2 else ["off", "on"]
        return names[1 if value else 0]
    if info.kind == "multistate":
        state = int(value)
        return info.states[state - 1] if 0 < state <= len(info.states) else f"state {state}"
    return number(float(value), info.unit)


def worded(info: PointInfo, value: WireValue | None) -> str:
    """A value with its unit, or the text of its state."""
    text = bare(info, value)
    return f"{text} {info.unit}" if info.unit and value is not None and info.kind == "analog" else text


def known(reading: ValueInfo | None) -> bool:
    """Whether the number itself may be shown as the present one."""
    return reading is not None and reading.value is not None and reading.quality in ("good", "uncertain")


def in_table(info: PointInfo, reading: ValueInfo | None) -> str:
    """The value column: an old value stays (its row carries "?"), a bad or missing one is "?"."""
    if reading is None or reading.value is None or reading.quality == "bad" or reading.reason == "offline":
        return "?"
    return bare(info, reading.value)


def sign(reading: ValueInfo | None, *, live: bool = True) -> str:
    """The first column of every table of points: what is wrong first, then who holds it."""
    if reading is None or not live:
        return "?"
    if reading.tag:
        return reading.tag
    if reading.quality != "good":
        return "?"
    return "H" if slot_of(reading.held) == OPERATOR_SLOT else ""


def role_of(mark: str) -> str:
    """The colour role of a sign."""
    return {"!!": "crit", "!": "high", "?": "unk", "H": "hand", "i": "low"}.get(mark, "text")


def slot_of(held: str) -> int:
    """The slot in `"8 mchen"`; 0 where nothing of ours stands."""
    head = held.partition(" ")[0]
    return int(head) if head.isdigit() else 0


def age(seconds: float) -> str:
    """How long, in at most seven cells: `8 s`, `41 min`, `3 h 02`, `12 days`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d}"
    return f"{whole // DAY} days" if whole >= 2 * DAY else "1 day"


def quality(reading: ValueInfo | None, now: datetime) -> str:
    """The quality in a word or two, with the age where age is the trouble."""
    if reading is None:
        return "never read"
    if reading.quality == "good":
        return "ok"
    word = QUALITY_WORDS.get(reading.reason, reading.reason) or QUALITY_WORDS.get(reading.quality, reading.quality)
    if reading.quality == "stale":
        return f"{word} {age((now - reading.time).total_seconds())}"
    return word


def flags(bits: int) -> str:
    """Status flags as letters in fixed places."""
    return "".join(letter if bits >> i & 1 else "·" for i, letter in enumerate(FLAG_LETTERS))


def clock(at: datetime, zone: tzinfo, *, seconds: bool = False) -> str:
    return f"{at.astimezone(zone):%H:%M:%S}" if seconds else f"{at.astimezone(zone):%H:%M}"


def when(at: datetime, now: datetime, zone: tzinfo) -> str:
    """A moment near `now`: `03:10`, `Thu 03:10`, `26 Nov`."""
    there, here = at.astimezone(zone), now.astimezone(zone)
    if there.date() == here.date():
        return f"{there:%H:%M}"
    return f"{there:%a %H:%M}" if abs(at - now) < WEEK else f"{there.day} {there:%b}"


def since(at: datetime | None, now: datetime) -> str:
    return "" if at is None else age((now - at).total_seconds())


def lamp(level: str, state: Lamp) -> str:
    """Not acknowledged / standing."""
    return f"{level} {state.new}/{state.standing}"


def link_word(link: Link) -> str:
    """A link in the status strip."""
    return f"{LINK_NAMES[link.name]} {link.state}"


def hold_line(hold: Hold, now: datetime, zone: tzinfo) -> str:
    return f"{hold.point} {hold.text} {hold.by} {end_of(hold, now, zone)}"


def end_of(hold: Hold, now: datetime, zone: tzinfo) -> str:
    return f"{'OVERDUE since' if hold.overdue else 'ends'} {when(hold.until, now, zone)}"


def slot_line(slots: Sequence[SlotInfo], winner: int | None, default: str) -> str:
    """The filled slots of a priority array in one line."""
    filled = [
        f"{s.priority} {s.value} {s.by}".rstrip() + (" ◄" if s.priority == winner else "") for s in filled_of(slots)
    ]
    return "   ".join([*(filled or ["nothing in any slot"]), f"RD {default or '?'}"])


def told_apart(alarms: Iterable[AlarmInfo], points: Mapping[str, PointInfo]) -> dict[str, str]:
    """Alarm id -> what it says. Where two of one place would read the same in a narrow column, points come first."""
    alike: dict[tuple[str, str], list[AlarmInfo]] = {}
    for alarm in alarms:
        alike.setdefault((alarm.where, alarm.text[:SKIMMED]), []).append(alarm)
    said = {}
    for same in alike.values():
        about = {alarm.about for alarm in same}
        names = {point: points[point].name if point in points else point for point in about}
        if len(set(names.values())) < len(about):  # not even the names differ: the ids do
            names = {point: point.rpartition("/")[2] for point in about}
        for alarm in same:
            said[alarm.id] = f"{names[alarm.about]}: {alarm.text}" if len(about) > 1 else alarm.text
    return said


def sentence(said: str) -> str:
    """With a full stop, so that another can follow."""
    return said if said.endswith((".", "!", "?")) or not said else f"{said}."


def count(number: int, thing: str) -> str:
    """`1 point`, `24 points`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def filled_of(slots: Sequence[SlotInfo]) -> list[SlotInfo]:
    return [slot for slot in slots if slot.value]


def limits(low: float | None, high: float | None, unit: str = "") -> str:
    """`20.0 … 24.0`; empty where there are none."""
    if low is None and high is None:
        return ""
    return f"{'' if low is None else number(low, unit)} … {'' if high is None else number(high, unit)}".strip()
