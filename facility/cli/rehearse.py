"""Verbs that look ahead: rehearse, rehearsal, apply, reload."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.cli.common import (
    ConfigOption,
    Exit,
    JsonOption,
    SocketOption,
    ask,
    fail,
    print_json,
    print_table,
    say,
    socket_of,
)
from facility.cli.writes import Listed, print_writes
from facility.plain import escaped
from facility.port import Facility
from facility.wire import Hello, RehearsalInfo, WriteInfo

LOOK_AGAIN_S = 0.25
SHOWN = 200  # conflicts and refusals that are printed; --json prints all that travel
BAR = 30

DaysOption = Annotated[int, typer.Option("--days", min=1, max=31, help="How many days ahead.")]
WithOption = Annotated[
    Path | None, typer.Option("--with", help="TOML that is laid over the configuration: changes.toml.")
]
EditedOption = Annotated[bool, typer.Option("--edited", help="As the configuration file says now, edited by hand.")]
ThermalOption = Annotated[bool, typer.Option("--thermal", help="With a simple forecast: zones warm and cool.")]
OnlyOption = Annotated[bool, typer.Option("--differences", help="Only what is new or gone by the changes.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it goes on record.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def rehearse(
    days: DaysOption = 7,
    changes: WithOption = None,
    edited: EditedOption = False,
    thermal: ThermalOption = False,
    differences: OnlyOption = False,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every write that the policies would make in the days to come, with its reason.

    With changes, also what they would add and take away. Nothing is written and nothing is saved.

    Example:  facility rehearse --days 7 --with changes.toml
    """
    lines = _lines(changes)

    async def question(facility: Facility) -> tuple[Hello, RehearsalInfo]:
        begun = await facility.rehearse(days, lines, edited=edited, thermal=thermal)
        return await facility.hello(), await _to_its_end(facility, begun)

    hello, told = ask(socket_of(socket, config), question)
    _answer(told, ZoneInfo(hello.zone), only_differences=differences, as_json=as_json)


def rehearsal(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `facility rehearse` said.")],
    differences: OnlyOption = False,
    stop: Annotated[bool, typer.Option("--stop", help="End it where it is.")] = False,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at a rehearsal again, or stop one that is running.

    Example:  facility rehearsal 3fa9c1 --differences
    """

    async def question(facility: Facility) -> tuple[Hello, RehearsalInfo]:
        told = await (facility.stop_rehearsal(identity) if stop else facility.rehearsal(identity))
        return await facility.hello(), told

    hello, told = ask(socket_of(socket, config), question)
    _answer(told, ZoneInfo(hello.zone), only_differences=differences, as_json=as_json)


def apply(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The rehearsal whose changes come into force.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    socket: SocketOption = None,
) -> None:
    """Bring changes into force that were rehearsed and that you have looked at; the file keeps its comments.

    Example:  facility apply 3fa9c1 --reason "clinic B closes early before Thanksgiving"
    """
    applied = ask(socket_of(socket, config), lambda facility: facility.apply_changes(identity, reason))
    for key in applied.changes:
        say(f"changed  {key}")
    say(f"In force. Written: {applied.written}." if applied.written else "In force. The file said so already.")


def reload(
    reason: ReasonOption,
    days: DaysOption = 7,
    yes: YesOption = False,
    config: ConfigOption = None,
    socket: SocketOption = None,
) -> None:
    """Bring an edited configuration file into force: it is rehearsed and shown first.

    Example:  facility reload --reason "new hours of the lab"
    """
    path = socket_of(socket, config)

    async def question(facility: Facility) -> tuple[Hello, RehearsalInfo]:
        begun = await facility.rehearse(days, edited=True)
        if not begun.changes:
            return await facility.hello(), await facility.stop_rehearsal(begun.id)
        return await facility.hello(), await _to_its_end(facility, begun)

    hello, told = ask(path, question)
    if not told.changes:
        say("The file says what is in force already.")
        return
    _print(told, ZoneInfo(hello.zone), only_differences=True)
    if told.may_save:
        fail(told.may_save, Exit.NO)
    if not yes and not typer.confirm("Bring it into force?"):
        raise typer.Exit(Exit.NO)
    applied = ask(path, lambda facility: facility.apply_changes(told.id, reason))
    say(f"In force: {_keys(len(applied.changes))} changed.")


def _lines(changes: Path | None) -> list[str]:
    """Of the file; tabs as blanks, because a request is plain text."""
    if changes is None:
        return []
    try:
        return changes.read_text(encoding="utf-8").expandtabs(4).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{changes} cannot be read: {error}", Exit.USAGE)


async def _to_its_end(facility: Facility, told: RehearsalInfo) -> RehearsalInfo:
    """With a bar; Ctrl-C stops it in the agent, too."""
    try:
        while told.state == "running":
            _show_progress(told)
            await asyncio.sleep(LOOK_AGAIN_S)
            told = await facility.rehearsal(told.id)
    except asyncio.CancelledError:
        await facility.stop_rehearsal(told.id)
        raise
    told = await facility.rehearsal(told.id)
    _show_progress(told, last=True)
    return told


def _show_progress(told: RehearsalInfo, *, last: bool = False) -> None:
    if not sys.stderr.isatty():
        return
    full = round(told.share * BAR)
    line = escaped(f"Rehearsing {'#' * full}{'-' * (BAR - full)} {told.share:4.0%}  {told.count} writes")
    width = max(os.get_terminal_size(sys.stderr.fileno()).columns, 40) - 1
    sys.stderr.write(f"\r{line[:width]:<{width}}{chr(10) if last else ''}")
    sys.stderr.flush()


def _answer(told: RehearsalInfo, zone: ZoneInfo, *, only_differences: bool, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        _print(told, zone, only_differences=only_differences)
        if told.changes:
            say("")
            say(told.may_save or f'To save: facility apply {told.id} --reason "..."')
    if told.state in ("failed", "stopped"):
        raise typer.Exit(Exit.NO)


def _print(told: RehearsalInfo, zone: ZoneInfo, *, only_differences: bool) -> None:
    for line in _heading(told):
        say(line)
    say("")
    if told.changes:
        heads = ("DAY", "WRITES", "NEW", "GONE", "")
        print_table(heads, [(_day(d.date), str(d.writes), str(d.new), str(d.gone), d.note) for d in told.days])
    else:
        print_table(("DAY", "WRITES", ""), [(_day(day.date), str(day.writes), day.note) for day in told.days])
    _print_writes([write for write in told.writes if write.mark or not only_differences], zone)
    _print_troubles(told, zone)
    for line in told.estimate:
        say(line)


def _day(iso: str) -> str:
    return f"{date.fromisoformat(iso):%a %d %b}"


def _heading(told: RehearsalInfo) -> list[str]:
    lines = [
        f"Rehearsal {told.id}: {told.count} writes" + (f", {told.state} {told.why}" if told.state != "done" else "")
    ]
    if told.changes:
        lines.append(f"against the plan now: +{told.new} new, -{told.gone} gone; {_keys(len(told.changes))} changed:")
        lines += [f"  {key}" for key in told.changes]
    return [*lines, told.assumes]


def _keys(count: int) -> str:
    return "1 key" if count == 1 else f"{count} keys"


def _print_writes(writes: list[WriteInfo], zone: ZoneInfo) -> None:
    print_writes(
        [
            Listed(
                when=write.at.astimezone(zone).strftime("%a %d %b %H:%M:%S"),
                mark=write.mark,
                points=write.points[0] + (f" and {write.count - 1} more" if write.count > 1 else ""),
                value=write.value,
                slot=write.priority,
                policy=write.policy,
                reason=write.why,
            )
            for write in writes
        ]
    )


def _print_troubles(told: RehearsalInfo, zone: ZoneInfo) -> None:
    for text in told.faults:
        say(f"FAULT    {text}")
    for clash in told.clashes[:SHOWN]:
        say(f"conflict {clash.at.astimezone(zone):%a %d %b %H:%M}  {clash.text}")
    for refused in told.refused[:SHOWN]:
        times = f" ({refused.times} times)" if refused.times > 1 else ""
        when = refused.at.astimezone(zone).strftime("%a %d %b %H:%M")
        say(f"refused  {when}  {refused.policy}: {refused.point}: {refused.why}{times}")
