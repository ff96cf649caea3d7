"""One word for the whole building, and the spaces behind it, as screens, command line and MQTT show them. Pure.

NOT OK before UNKNOWN before WATCH before OK: the first that applies. What is unknown is never
part of an OK, and what is out of range is WATCH at once and NOT OK only past its delay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from facility.model import Alarm, Severity
from facility.profiles import GROUPS, ORDER
from facility.standing import SpaceStanding, Standing, lasting
from facility.wire import GroupState, SpaceState

Word = Literal["OK", "WATCH", "UNKNOWN", "NOT OK"]

REASONS = 3  # what a person takes in at a glance
URGENT = (Severity.LIFE, Severity.CRIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    word: Word
    reasons: tuple[str, ...]


def verdict(
    spaces: Collection[SpaceStanding],
    alarms: Collection[Alarm],
    *,
    now: datetime,
    complete: bool = True,
    failed_commands: int = 0,
) -> Verdict:
    """The word and at most three reasons, worst first. `complete`: the agent has heard of every point."""
    out = [space for space in spaces if space.standing is Standing.OUT]
    unknown = [space for space in spaces if space.standing is Standing.UNKNOWN]
    partly = [space for space in out if space.partly_unknown]
    standing = [alarm for alarm in alarms if alarm.ended is None]
    word: Word = "OK"
    if any(space.critical and space.alarming for space in out) or any(alarm.severity in URGENT for alarm in standing):
        word = "NOT OK"
    elif any(space.critical for space in (*unknown, *partly)) or not complete:
        word = "UNKNOWN"
    elif out or unknown or failed_commands or any(alarm.severity is Severity.HIGH for alarm in standing):
        word = "WATCH"
    texts = _in_words(out, standing, now)
    counts = []
    if unknown:
        counts.append(f"{len(unknown)} UNKNOWN")
    if partly:
        counts.append(f"{len(partly)} partly UNKNOWN")
    if not complete:
        counts.append("not every point has been read yet")
    if failed_commands:
        counts.append(f"{failed_commands} command{'s' if failed_commands > 1 else ''} failed")
    # what nobody knows is always among the reasons, and leads them when it is what decides
    reasons = [*counts, *texts] if word == "UNKNOWN" else [*texts[: max(REASONS - len(counts), 1)], *counts]
    return Verdict(word=word, reasons=tuple(reasons[:REASONS]))


def _in_words(out: Sequence[SpaceStanding], standing: Sequence[Alarm], now: datetime) -> list[str]:
    """Alarms and spaces that are out, worst and then longest first; a space whose alarm is told is not told again."""
    ranked: list[tuple[int, datetime, str]] = []
    for alarm in standing:
        if alarm.severity is not Severity.LOW:
            text = f"{alarm.where} {alarm.text} {lasting(now - alarm.since)}"
            ranked.append((ORDER.index(alarm.severity), alarm.since, text))
    told = {alarm.where for alarm in standing if alarm.severity is not Severity.LOW}
    for space in out:
        if space.space.name not in told:
            since = space.since or now
            text = f"{space.space.name} {space.why} {lasting(now - since)}"
            ranked.append((ORDER.index(space.severity or Severity.LOW), since, text))
    return [text for *_, text in sorted(ranked)]


def space_state(space: SpaceStanding) -> SpaceState:
    return SpaceState(
        id=space.space.id,
        name=space.space.name,
        type=space.space.type,
        group=space.group,
        state=space.standing.value,
        severity=space.severity.value if space.severity else "",
        why=space.why,
        since=space.since,
    )


def overview_groups(spaces: Collection[SpaceStanding], now: datetime) -> tuple[list[GroupState], list[SpaceState]]:
    """The lines of the overview that have spaces, and all spaces: both in the order in which they are read."""
    groups = []
    for name in GROUPS:
        members = [space for space in spaces if space.group == name]
        if members:
            groups.append(_group(name, members, now))
    order = {name: index for index, name in enumerate(GROUPS)}
    ordered = sorted(spaces, key=lambda space: (order[space.group], space.space.name))
    return groups, [space_state(space) for space in ordered]


def _group(name: str, members: Sequence[SpaceStanding], now: datetime) -> GroupState:
    def count(standing: Standing) -> int:
        return sum(space.standing is standing for space in members)

    troubled = sorted((space for space in members if space.standing is not Standing.IN), key=_worst_first)
    worst = troubled[0] if troubled else None
    return GroupState(
        name=name,
        critical=any(space.critical for space in members),
        in_range=count(Standing.IN),
        out=count(Standing.OUT),
        unknown=count(Standing.UNKNOWN),
        severity=worst.severity.value if worst and worst.severity else "",
        worst=_worst_words(worst, now) if worst else "",
    )


def _worst_first(space: SpaceStanding) -> tuple[bool, int, bool, str]:
    rank = ORDER.index(space.severity) if space.severity else len(ORDER)
    return (space.standing is not Standing.OUT, rank, not space.critical, space.space.name)


def _worst_words(space: SpaceStanding, now: datetime) -> str:
    if space.standing is Standing.OUT and space.since is not None:
        return f"{space.space.name} {space.why}, {lasting(now - space.since)}"
    return f"{space.space.name}: {space.why}"
