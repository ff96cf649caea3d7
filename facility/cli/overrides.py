"""What is in force by somebody's hand: overrides that are not ours, and what we hold ourselves."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.cli.common import ConfigOption, JsonOption, SocketOption, ask, print_json, print_table, say, socket_of
from facility.cli.look import end_of
from facility.port import Facility
from facility.wire import Hello, Hold, OverrideInfo, Overview
from facility.words import age

LAST_OF_PEOPLE = 10  # levels below are those of the policies: many, and renewed by themselves
_LAST = 17  # in the place of a level, where there is none and nothing is held


def overrides(
    every: Annotated[bool, typer.Option("--all", help="Also what the policies hold, point by point.")] = False,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what is overridden, by whom as far as is known, for how long, and until when; the strongest first.

    BACnet does not record who wrote a value: what is not ours is "not ours", and has no end.

    Example:  facility overrides
    """

    async def question(facility: Facility) -> tuple[Hello, list[OverrideInfo], Overview]:
        return await facility.hello(), await facility.overrides(), await facility.overview()

    hello, foreign, overview = ask(socket_of(socket, config), question)
    if as_json:
        print_json({"foreign": foreign, "holds": overview.holds})
        return
    shown = [hold for hold in overview.holds if every or hold.priority <= LAST_OF_PEOPLE]
    _print(foreign, shown, ZoneInfo(hello.zone))
    if policies := len(overview.holds) - len(shown):
        say(
            f"Policies hold {policies} {'point' if policies == 1 else 'points'}: `facility overrides --all` lists them."
        )


def _print(foreign: list[OverrideInfo], holds: list[Hold], zone: ZoneInfo) -> None:
    rows = [(_strength(each), _foreign_row(each)) for each in foreign]
    rows += [(hold.priority, _hold_row(hold, zone)) for hold in holds]
    if not rows:
        say("Nothing is overridden, as far as is known.")
        return
    rows.sort(key=lambda row: row[0])
    print_table(
        ("LEVEL", "POINT", "SPACE", "VALUE", "BY", "SINCE", "ENDS", "REASON", "EFFECT"), [row for _, row in rows]
    )


def _strength(override: OverrideInfo) -> int:
    if override.level is not None:
        return override.level
    return 0 if override.kind == "by hand" else _LAST


def _foreign_row(override: OverrideInfo) -> tuple[str, ...]:
    level = override.kind if override.level is None else f"{override.level} {override.level_name}"
    by = "the device" if override.level == 6 else "not ours"
    stands = "" if override.wins else "something stronger wins; "
    seen = f"{stands}seen {age(override.seen)} ago"
    return (level, override.point, override.space, override.text, by, age(override.since), "no end", seen, "")


def _hold_row(hold: Hold, zone: ZoneInfo) -> tuple[str, ...]:
    ends = end_of(hold, zone)
    since = age(hold.since)
    return (str(hold.priority), hold.point, hold.space, hold.text, hold.by, since, ends, hold.reason, hold.effect)
