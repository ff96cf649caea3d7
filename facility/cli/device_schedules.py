"""The devices' own schedules: list, import, drift, export."""

from __future__ import annotations

from datetime import timedelta
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
from facility.wire import DeviceScheduleInfo, DriftInfo, DriftStretch, ExportPlan, ExportResult, Hello, ImportedSchedule

app = typer.Typer(
    add_completion=False,
    help="The schedules and calendars that devices have of their own: they work there, whether the agent runs or not.",
    no_args_is_help=True,
)

MOST_STRETCHES = 40  # lines; --json has all
WHEN = "%a %Y-%m-%d %H:%M"
DAY = "%a %Y-%m-%d"

ScheduleArgument = Annotated[
    str, typer.Argument(help="Device and object, such as rtu-1/schedule,1 or rtu-1/calendar,1.")
]


@app.command("list")
def list_(
    refresh: Annotated[bool, typer.Option("--refresh", help="Read all of them now.")] = False,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what each commands, at which priority, what it says now, and when it was read; of calendars, their days.

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
    """Print a device's schedule as a programme, or its calendar, ready to paste into facility.toml. Nothing changes.

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
    schedule: Annotated[str, typer.Argument(help="Device and object; without, all to which something belongs.")] = "",
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare devices' schedules with the programmes that belong to them, over 14 days, and calendars over 400.

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
    """Show what writing the programme into the schedule, or the calendar, would change; with --yes, write it.

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
        ("OBJECT", "NAME", "COMMANDS", "AT", "NOW", "BELONGS TO", "READ"),
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
        if each.kind == "calendar" and each.read is not None:
            users = ", ".join(each.used_by) or "no schedule of its device"
            say(f"{each.id}: {', '.join(each.days) or 'no days'}; {users} goes by it")
        for line in (*each.doubts, *filter(None, [each.trouble])):
            say(f"{each.id}: {line}")


def _print_drift(found: DriftInfo, zone: ZoneInfo) -> None:
    what, same = ("programme", "say the same") if found.kind == "schedule" else ("calendar", "have the same days")
    head = f"{found.id} and {what} {found.programme}"
    if found.agrees:
        say(f"{head}: they {same} for the next {found.days} days.")
        return
    say(f"{head}:")
    if found.trouble:
        say(f"  {found.trouble}")
        return
    if not found.stretches:
        say(f"  they {same} for the next {found.days} days")
    for each in found.stretches[:MOST_STRETCHES]:
        if found.kind == "calendar":
            say(f"  {_days(each, zone)}: for the calendar {each.ours}, for the device {each.theirs} ({each.rule})")
            continue
        begin, end = (at.astimezone(zone).strftime(WHEN) for at in (each.begin, each.end))
        state = f" ({each.state})" if each.state else ""
        say(f"  {begin} to {end}: the programme {each.ours}{state}, the device {each.theirs} ({each.rule})")
    if len(found.stretches) > MOST_STRETCHES:
        say(f"  and {len(found.stretches) - MOST_STRETCHES} more: --json has all of them")
    for line in (*found.structure, *found.doubts):
        say(f"  {line}")


def _days(stretch: DriftStretch, zone: ZoneInfo) -> str:
    """Whole days, both included."""
    first, last = (at.astimezone(zone) for at in (stretch.begin, stretch.end - timedelta(seconds=1)))
    return f"{first:{DAY}}" if first.date() == last.date() else f"{first:{DAY}} to {last:{DAY}}"


def _print_plan(plan: ExportPlan) -> None:
    words = {"allowed": "Would write", "refused": "Refused", "nothing": "Nothing to write"}
    what, does = ("programme", "It commands") if plan.kind == "schedule" else ("calendar", "Who goes by it commands")
    say(f"{words[plan.verdict]}: {what} {plan.programme} into {plan.id}")
    if plan.why:
        say(f"  {plan.why}")
    if plan.commands:
        say(f"  {does} {', '.join(plan.commands)}")
    for change in plan.changes:
        say(f"  {change.what}: {change.old}  ->  {change.new}")
    for remark in plan.remarks:
        say(f"  {remark}")
