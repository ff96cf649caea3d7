"""Verbs that look: points, read, status, schedule. Nothing here changes the building."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

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
from facility.cli.devices import state_of
from facility.port import Facility
from facility.wire import DeviceInfo, Discovery, Hello, Hold, Overview, PointInfo, ScheduleInfo, ValueInfo
from facility.words import age, value_text

NOTHING = "nothing"  # what a programme says outside of its effective period


def points(
    words: Annotated[list[str] | None, typer.Argument(help="Only points whose line has all these words.")] = None,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """List points with their present values.

    Example:  facility points or-3 pressure
    """

    async def question(facility: Facility) -> tuple[list[PointInfo], list[ValueInfo]]:
        return await facility.points(), await facility.values()

    every, present = ask(socket_of(socket, config), question)
    by_id = {reading.id: reading for reading in present}
    wanted = [word.lower() for word in words or []]
    chosen = [
        point
        for point in every
        if all(word in f"{point.id} {point.name} {point.description} {point.point_class}".lower() for word in wanted)
    ]
    if as_json:
        print_json([{**point.model_dump(), "reading": by_id.get(point.id)} for point in chosen])
    else:
        print_table(
            ("POINT", "VALUE", "QUALITY", "AGE", "CLASS", "ACCESS", "DESCRIPTION"),
            [_point_row(point, by_id.get(point.id)) for point in chosen],
        )
    if not chosen:
        say("No point has these words.", err=True)
        raise typer.Exit(Exit.NO)


def _point_row(point: PointInfo, reading: ValueInfo | None) -> tuple[str, ...]:
    if reading is None:
        return (point.id, "?", "never read", "", point.point_class, point.access, point.description)
    quality = reading.quality if not reading.reason else f"{reading.quality} ({reading.reason})"
    seen = age(reading.time)
    return (
        point.id,
        value_text(point, reading.value),
        quality,
        seen,
        point.point_class,
        point.access,
        point.description,
    )


def read(
    point: Annotated[str, typer.Argument(help="Point id, such as ahu-1/sat.")],
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read one point from its device now.

    Example:  facility read ahu-1/sat
    """

    async def question(facility: Facility) -> tuple[PointInfo, ValueInfo]:
        reading = await facility.read(point)
        return (await facility.detail(point)).info, reading

    about, reading = ask(socket_of(socket, config), question)
    if as_json:
        print_json(reading)
    else:
        reason = f" ({reading.reason})" if reading.reason else ""
        say(f"{about.id}  {value_text(about, reading.value)}  {reading.quality}{reason}  {about.description}")
    if reading.quality != "good":
        raise typer.Exit(Exit.NO)


def status(config: ConfigOption = None, socket: SocketOption = None, as_json: JsonOption = False) -> None:
    """Say whether the building is all right, and what is not.

    Exit code 0 only for the verdict OK.

    Example:  facility status
    """

    async def question(facility: Facility) -> tuple[Hello, Overview, list[DeviceInfo], Discovery]:
        look = await facility.discover(start=False)
        return await facility.hello(), await facility.overview(), await facility.devices(), look

    hello, overview, devices, look = ask(socket_of(socket, config), question)
    if as_json:
        print_json({"hello": hello, "overview": overview, "devices": devices, "discovery": look})
    else:
        _print_status(hello, overview, devices, look)
    if overview.verdict != "OK":
        raise typer.Exit(Exit.NO)


def _print_status(hello: Hello, overview: Overview, devices: list[DeviceInfo], look: Discovery) -> None:
    zone = ZoneInfo(hello.zone)
    say(f"{hello.site_name}  {overview.verdict}  {_local(overview.at, zone)}  you are {hello.user}, {hello.role}")
    for text in (*overview.banners, *overview.reasons):
        say(f"  {text}")
    for request in overview.waiting:
        say(f"  waits for a second person: {request.what}, asked for by {request.by} ({request.id})")
    if look.running:
        say(f"  looking through the building: {look.says}")
    say("")
    print_table(
        ("SPACES", "IN RANGE", "OUT", "UNKNOWN", "WORST"),
        [(g.name, str(g.in_range), str(g.out), str(g.unknown), g.worst) for g in overview.groups],
    )
    say("")
    print_table(("LINK", "STATE", ""), [(link.name, link.state, link.text) for link in overview.links])
    silent = [device for device in devices if device.status != "online" or device.quarantine]
    if silent:
        say("")
        print_table(
            ("DEVICE", "STATE", "SINCE", "POINTS"),
            [(d.id, state_of(d), _local(d.since, zone) if d.since else "", str(d.points)) for d in silent],
        )
    if overview.foreign:
        say("")
        say(f"held by others: {overview.foreign}; `facility overrides` lists what")
    for hold in overview.holds:
        if hold.priority == 8:
            say("")
            say(f"held: {hold.point} {hold.text} by {hold.by} {end_of(hold, zone)}: {hold.reason}")
            if hold.effect:
                say(f"      {hold.effect}")


def end_of(hold: Hold, zone: ZoneInfo) -> str:
    until = _local(hold.until, zone)
    return f"OVERDUE since {until} ({hold.overdue})" if hold.overdue else f"until {until}"


def schedule(
    name: Annotated[str | None, typer.Argument(help="Show the week of this programme.")] = None,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """List schedules and what happens next, or show one week.

    Example:  facility schedule office-hours
    """

    async def question(facility: Facility) -> tuple[Hello, list[ScheduleInfo]]:
        return await facility.hello(), await facility.schedules()

    hello, schedules = ask(socket_of(socket, config), question)
    zone = ZoneInfo(hello.zone)
    chosen = [item for item in schedules if name is None or item.name == name]
    if not chosen:
        known = ", ".join(item.name for item in schedules) or "none"
        say(f"There is no schedule {name!r}; known: {known}.", err=True)
        raise typer.Exit(Exit.NO)
    if as_json:
        print_json(chosen)
    elif name is None:
        print_table(
            ("SCHEDULE", "NOW", "NEXT", "AT", "POINTS"),
            [
                (
                    s.name,
                    s.now_state or NOTHING,
                    (s.next_state or NOTHING) if s.next_change else "",
                    _local(s.next_change, zone) if s.next_change else "",
                    str(s.points),
                )
                for s in chosen
            ],
        )
    else:
        _print_week(chosen[0])


def _print_week(week: ScheduleInfo) -> None:
    for day in week.days:
        blocks = ", ".join(f"{_clock(b.start)}-{_clock(b.end)} {b.state or NOTHING}" for b in day.blocks)
        say(f"{day.date}  {blocks}{'  ' + day.note if day.note else ''}")


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%a %d %b %H:%M")
