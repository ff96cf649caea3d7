"""Verbs about special events: what a programme says for once, until a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.cli.common import ConfigOption, JsonOption, SocketOption, ask, print_json, print_table, say, socket_of
from facility.port import Facility
from facility.wire import Hello, SpecialEventInfo
from facility.words import day_and_time
from schedules.civil import DAY, civil_day, instant_of

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Special events: a programme says something else for once, until a time.",
)

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; at least four characters, never about a patient.")]
_WHEN = "A time of the site's clock, such as 23:00 or '2026-12-05 23:00'."


@app.command("add")
def add(
    programme: Annotated[str, typer.Argument(help="As `facility schedule` lists them.")],
    state: Annotated[str, typer.Option("--state", help="What the programme says meanwhile; one of its states.")],
    until: Annotated[str, typer.Option("--until", help=f"The end. {_WHEN} A time alone is the next one.")],
    reason: ReasonOption,
    begin: Annotated[str | None, typer.Option("--from", help=f"The beginning; now without it. {_WHEN}")] = None,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a programme say something else until a time; it outranks its week, exceptions and holidays.

    Example:  facility event add theatre-3 --state occupied --until 23:00 --reason "long list tonight"
    """

    async def question(facility: Facility) -> tuple[Hello, SpecialEventInfo]:
        hello = await facility.hello()
        zone, now = ZoneInfo(hello.zone), datetime.now(UTC)
        start = None if begin is None else moment(begin, now, zone)
        end = moment(until, start or now, zone)
        return hello, await facility.announce_event(programme, state, end, reason, start)

    _print(*ask(socket_of(socket, config), question), done="announced", as_json=as_json)


@app.command("list")
def list_(config: ConfigOption = None, socket: SocketOption = None, as_json: JsonOption = False) -> None:
    """List special events that are on or to come.

    Example:  facility event list
    """

    async def question(facility: Facility) -> tuple[Hello, list[SpecialEventInfo]]:
        return await facility.hello(), await facility.special_events()

    hello, known = ask(socket_of(socket, config), question)
    if as_json:
        print_json(known)
    elif known:
        print_table(("ID", "PROGRAMME", "SAYS", "FROM", "UNTIL", "BY", "REASON"), _rows(known, ZoneInfo(hello.zone)))
    else:
        say("Nothing special is announced.")


@app.command("end")
def end(
    event: Annotated[str, typer.Argument(metavar="ID", help="As `facility event list` shows it.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a special event, or have it never begin.

    Example:  facility event end 1a2b --reason "the list is done"
    """

    async def question(facility: Facility) -> tuple[Hello, SpecialEventInfo]:
        return await facility.hello(), await facility.withdraw_event(event, reason)

    _print(*ask(socket_of(socket, config), question), done="withdrawn", as_json=as_json)


def moment(text: str, after: datetime, zone: ZoneInfo) -> datetime:
    """`23:00`: the next one of the site's clock after that; `2026-12-05 23:00`: exactly this."""
    try:
        if len(text) > len("23:00"):
            said = datetime.fromisoformat(text)
            return said if said.tzinfo is not None else instant_of(said.date(), said.time(), zone)
        at = time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time; write 23:00 or '2026-12-05 23:00'") from None
    today: date = civil_day(after, zone)
    found = instant_of(today, at, zone)
    return found if found > after else instant_of(today + DAY, at, zone)


def _print(hello: Hello, event: SpecialEventInfo, *, done: str, as_json: bool) -> None:
    if as_json:
        print_json(event)
        return
    zone, now = ZoneInfo(hello.zone), datetime.now(UTC)
    begin, until = (day_and_time(each, now, zone) for each in (event.begin, event.end))
    say(f"{event.id} {done}: {event.programme} {event.state} from {begin} until {until}")


def _rows(known: Sequence[SpecialEventInfo], zone: ZoneInfo) -> list[tuple[str, ...]]:
    now = datetime.now(UTC)
    return [
        (
            each.id,
            each.programme,
            each.state,
            "now" if each.is_on else day_and_time(each.begin, now, zone),
            day_and_time(each.end, now, zone),
            each.by,
            each.reason,
        )
        for each in known
    ]
