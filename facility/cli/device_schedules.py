"""The devices' own schedules: list, import, drift, export."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.cli.act import ReasonOption, YesOption
from facility.cli.common import (
    ConfigOption,
    Exit,
    JsonOption,
    SocketOption,
    ask,
    print_json,
    print_table,
    say,
    socket_of,
)
from facility.port import Facility
from facility.wire import DeviceScheduleInfo, DriftInfo, ExportPlan, ExportResult, Hello, ImportedSchedule

app = typer.Typer(
    name="device-schedules",
    help="The schedules and calendars that devices have of their own: they work there, whether the agent runs or not.",
    no_args_is_help=True,
)

MOST_STRETCHES = 40  # lines; --json has all
WHEN = "%a %Y-%m-%d %H:%M"

ScheduleArgument = Annotated[str, typer.Argument(help="Device and object, such as rtu-1/schedule,1.")]


@app.command("list")
def list_(
    refresh: Annotated[bool, typer.Option("--refresh", help="Read all of them now.")] = False,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what each commands, at which priority, what it says now, and when it was read.

    Example:  facility device-schedules list
    """

    async def question(facility: Facility) -> tuple[Hello, list[DeviceScheduleInfo]]:
        return await facility.hello(), await facility.device_schedules(refresh=refresh)

    hello, every = ask(socket_of(socket, config), question)
    if as_json:
        print_json(every)
    elif not every:
        say("No device that is known has a schedule or calendar of its own.")
    else:
        _print_list(every, ZoneInfo(hello.zone))


@app.command("import")
def import_(
    schedule: ScheduleArgument,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a device's schedule as a programme, ready to paste into facility.toml. Nothing is changed.

    Example:  facility device-schedules import rtu-1/schedule,1 >> facility.toml
    """

    async def question(facility: Facility) -> ImportedSchedule:
        return await facility.import_schedule(schedule)

    imported = ask(socket_of(socket, config), question)
    if as_json:
        print_json(imported)
        return
    for line in imported.toml.splitlines():
        say(line)
    for remark in imported.remarks:
        say(remark, err=True)


@app.command()
def drift(
    schedule: Annotated[str, typer.Argument(help="Device and object; all that have a programme without.")] = "",
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare devices' schedules with the programmes that belong to them, over the next 14 days.

    Exit code 1 if anything differs or cannot be known.

    Example:  facility device-schedules drift
    """

    async def question(facility: Facility) -> tuple[Hello, list[DriftInfo]]:
        return await facility.hello(), await facility.drift(schedule)

    hello, found = ask(socket_of(socket, config), question)
    if as_json:
        print_json(found)
    else:
        for each in found:
            _print_drift(each, ZoneInfo(hello.zone))
    if not all(each.agrees for each in found):
        raise typer.Exit(Exit.NO)


@app.command()
def export(
    schedule: ScheduleArgument,
    reason: ReasonOption,
    yes: YesOption = False,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what writing the programme into the device's schedule would change; with --yes, write it and read it back.

    Example:  facility device-schedules export rtu-1/schedule,1 --reason "lobby closes at nine" --yes
    """

    async def question(facility: Facility) -> tuple[ExportPlan, ExportResult | None]:
        plan = await facility.preview_export(schedule, reason)
        return plan, await facility.export_schedule(plan.plan) if yes and plan.verdict == "allowed" else None

    plan, result = ask(socket_of(socket, config), question)
    if as_json:
        print_json(result or plan)
    else:
        _print_plan(plan)
        if result is not None:
            say(result.text)
        elif plan.verdict == "allowed":
            say("Nothing was written. Say --yes to write it.", err=True)
    if plan.verdict != "nothing" and (result is None or result.status != "written"):
        raise typer.Exit(Exit.NO)


def _print_list(every: list[DeviceScheduleInfo], zone: ZoneInfo) -> None:
    print_table(
        ("OBJECT", "NAME", "COMMANDS", "AT", "NOW", "PROGRAMME", "READ"),
        [
            (
                each.id,
                each.name,
                ", ".join(each.commands),
                "" if each.priority is None else str(each.priority),
                each.present,
                each.programme,
                each.read.astimezone(zone).strftime("%H:%M") if each.read else "never",
            )
            for each in every
        ],
    )
    for each in every:
        for line in (*each.doubts, *filter(None, [each.trouble])):
            say(f"{each.id}: {line}")


def _print_drift(found: DriftInfo, zone: ZoneInfo) -> None:
    head = f"{found.id} and programme {found.programme}"
    if found.agrees:
        say(f"{head}: they say the same for the next {found.days} days.")
        return
    say(f"{head}:")
    if found.trouble:
        say(f"  {found.trouble}")
        return
    if not found.stretches:
        say(f"  they say the same for the next {found.days} days")
    for each in found.stretches[:MOST_STRETCHES]:
        begin, end = (at.astimezone(zone).strftime(WHEN) for at in (each.begin, each.end))
        state = f" ({each.state})" if each.state else ""
        say(f"  {begin} to {end}: the programme {each.ours}{state}, the device {each.theirs} ({each.rule})")
    if len(found.stretches) > MOST_STRETCHES:
        say(f"  and {len(found.stretches) - MOST_STRETCHES} more: --json has all of them")
    for line in (*found.structure, *found.doubts):
        say(f"  {line}")


def _print_plan(plan: ExportPlan) -> None:
    words = {"allowed": "Would write", "refused": "Refused", "nothing": "Nothing to write"}
    say(f"{words[plan.verdict]}: programme {plan.programme} into {plan.id}")
    if plan.why:
        say(f"  {plan.why}")
    if plan.commands:
        say(f"  It commands {', '.join(plan.commands)}")
    for change in plan.changes:
        say(f"  {change.what}: {change.old}  ->  {change.new}")
    for remark in plan.remarks:
        say(f"  {remark}")
