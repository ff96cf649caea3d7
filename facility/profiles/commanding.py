"""Who may command a point and at which pace, and what a critical room must be like meanwhile. Pure.

A rule is put together from tables, the weakest first: what holds for such an actuator anywhere, what the
profile says of all that is commanded in the room, what it says of this class. A rule that is made of several
names all of its sources, and counts as verified only if each of them is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from facility.profiles.airways import AIR_VALVE, command_class
from facility.profiles.model import (
    CommandRule,
    CommandTable,
    Profile,
    Protection,
    Provenance,
    RoomRules,
    Turndown,
    TurndownTable,
)
from points.model import Point, Safety

DEFAULT = "default"
"""The key of a profile's `commands` that speaks of every class."""

_SIGN: Mapping[str, Literal[-1, 0, 1]] = {"negative": -1, "none": 0, "positive": 1}
FIELDS = ("who", "ramp_percent_per_minute", "spacing_s", "per_hour", "minimum_on_s", "minimum_off_s")


class Origin(NamedTuple):
    """Where a number is from and who vouches for it."""

    source: str
    edition: str
    verified_by: str


def origin(table: Provenance, profile: Provenance | None) -> Origin:
    """The table's own provenance; what it does not say is its profile's."""
    if profile is None:
        return Origin(table.source, table.edition, table.verified_by)
    own = bool(table.source)  # an edition goes with its source
    return Origin(
        table.source or profile.source,
        table.edition or ("" if own else profile.edition),
        table.verified_by or profile.verified_by,
    )


def command_rule(
    point: Point,
    profile: Profile | None,
    actuators: Mapping[str, CommandTable],
    plant: Mapping[str, CommandTable],
) -> CommandRule:
    """The rule for commands to the point. `plant`: for what is critical where no profile speaks."""
    critical = point.safety is Safety.CRITICAL if profile is None else profile.critical
    layers = list(_layers(command_class(point), profile, actuators, plant if critical else {}))
    won = {name: layer for layer, _ in layers for name in FIELDS if getattr(layer, name) is not None}
    used = {id(layer) for layer in won.values()}
    origins = [where for layer, where in reversed(layers) if id(layer) in used]

    def value(name: str) -> float | None:
        return getattr(won[name], name) if name in won else None

    who = won["who"].who if "who" in won else None
    per_hour = won["per_hour"].per_hour if "per_hour" in won else None
    where = _joined(origins)
    return CommandRule(
        who=who or ("operator" if critical else "policy"),
        ramp_per_minute=value("ramp_percent_per_minute"),
        spacing_s=value("spacing_s") or 0.0,
        per_hour=per_hour,
        minimum_on_s=value("minimum_on_s") or 0.0,
        minimum_off_s=value("minimum_off_s") or 0.0,
        source=where.source,
        edition=where.edition,
        verified_by=where.verified_by,
    )


def _layers(
    key: str, profile: Profile | None, actuators: Mapping[str, CommandTable], plant: Mapping[str, CommandTable]
) -> Iterator[tuple[CommandTable, Origin]]:
    """Weakest first. A damper of a room of which nobody knows whose air it moves is treated as one that does."""
    if key in actuators:
        yield actuators[key], origin(actuators[key], None)
    commands = plant if profile is None else profile.commands
    for name in (DEFAULT, *([AIR_VALVE] if key == "damper" else []), key):
        if name in commands:
            yield commands[name], origin(commands[name], profile)


def _joined(origins: Sequence[Origin]) -> Origin:
    distinct = list(dict.fromkeys(origins))
    if len(distinct) < 2:
        return distinct[0] if distinct else Origin("", "", "")
    said = dict.fromkeys(", ".join(part for part in where[:2] if part) for where in distinct)
    verified = dict.fromkeys(where.verified_by for where in distinct) if all(o.verified_by for o in distinct) else ()
    return Origin("; ".join(text for text in said if text), "", ", ".join(verified))


def room_rules(profile: Profile | None) -> RoomRules | None:
    """What the room must be like while anything of ours is held in it; None if it is not a critical one."""
    if profile is None or not profile.critical:
        return None
    return RoomRules(
        sign=_SIGN[profile.pressure],
        turndown=None if profile.turndown is None else _turndown(profile.turndown, profile),
        protect=tuple(
            Protection(point_class=each.point_class, path=each.path, value=each.value, minutes=each.minutes)
            for each in profile.protect
        ),
    )


def _turndown(table: TurndownTable, profile: Profile) -> Turndown:
    where = origin(table, profile)
    return Turndown(
        vacant_s=table.vacant_minutes * 60.0,
        enter_margin=table.enter_margin,
        hold_margin=table.hold_margin,
        door_open_s=table.door_open_s,
        lowest_share=table.air_changes / table.full_air_changes,
        full_air_changes=table.full_air_changes,
        source=where.source,
        edition=where.edition,
        verified_by=where.verified_by,
    )
