"""Verbs about demand response: the utility's events."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.cli.common import (
    ConfigOption,
    JsonOption,
    SocketOption,
    ask,
    duration,
    print_json,
    print_table,
    say,
    socket_of,
)
from facility.cli.events import moment
from facility.port import Facility
from facility.wire import DemandAnswer, DemandEventInfo, DemandNotice, Hello
from facility.words import day_and_time

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Demand response: the utility asks for less. See docs/demand-response.md.",
)


@app.command("send")
def send(
    level: Annotated[int, typer.Argument(min=0, max=3, help="0 normal, 1 moderate, 2 high, 3 special.")],
    lasting: Annotated[str, typer.Option("--for", help="How long: 1h, 90m.")],
    begin: Annotated[str | None, typer.Option("--from", help="A time of the site's clock; now without it.")] = None,
    identity: Annotated[str | None, typer.Option("--id", help="Sent again with the same id, it is changed.")] = None,
    randomize: Annotated[str, typer.Option("--randomize", help="Begin up to so much later: 5m.")] = "0s",
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send an event, as the utility would.

    Example:  facility dr send 2 --for 1h --from 16:00 --randomize 5m
    """
    long, late = duration(lasting), duration(randomize)

    async def question(facility: Facility) -> DemandAnswer:
        hello, now = await facility.hello(), datetime.now(UTC)
        start = now if begin is None else moment(begin, now, ZoneInfo(hello.zone))
        notice = DemandNotice(
            id=identity or f"cli-{secrets.token_hex(3)}",
            level=level,
            start=start,
            duration_minutes=long.total_seconds() / 60,
            randomize_minutes=late.total_seconds() / 60,
            source="cli",
        )
        return await facility.demand_event(notice)

    try:
        answer = ask(socket_of(socket, config), question)
    except ValueError as error:
        raise typer.BadParameter(_plainly(error)) from None
    if as_json:
        print_json(answer)
    else:
        say(f"{answer.id} {answer.result}")


@app.command("list")
def list_(config: ConfigOption = None, socket: SocketOption = None, as_json: JsonOption = False) -> None:
    """List events that are on or to come, and why they are not obeyed, if they are not.

    Example:  facility dr list
    """

    async def question(facility: Facility) -> tuple[Hello, list[DemandEventInfo]]:
        return await facility.hello(), await facility.demand_events()

    hello, known = ask(socket_of(socket, config), question)
    if as_json:
        print_json(known)
    elif known:
        print_table(("ID", "LEVEL", "STATUS", "BEGINS", "UNTIL", "SOURCE", "BY"), _rows(known, ZoneInfo(hello.zone)))
        if known[0].opted_out:
            say(f"No event is obeyed now: {known[0].opted_out}.")
    else:
        say("The utility asks for nothing.")


@app.command("cancel")
def cancel(
    event: Annotated[str, typer.Argument(metavar="ID", help="As `facility dr list` shows it.")],
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an event back; what is shed for it is given back one room after the other.

    Example:  facility dr cancel cli-1a2b3c
    """

    async def question(facility: Facility) -> DemandAnswer:
        return await facility.cancel_demand_event(event)

    answer = ask(socket_of(socket, config), question)
    if as_json:
        print_json(answer)
    else:
        say(f"{answer.id} {answer.result}")


def _rows(known: Sequence[DemandEventInfo], zone: ZoneInfo) -> list[tuple[str, ...]]:
    now = datetime.now(UTC)
    return [
        (
            each.id,
            str(each.level),
            each.status,
            day_and_time(each.begins, now, zone),
            day_and_time(each.end, now, zone),
            each.source,
            each.by,
        )
        for each in known
    ]


def _plainly(error: ValueError) -> str:
    found = getattr(error, "errors", None)
    return str(error) if found is None else "; ".join(str(each["msg"]) for each in found())
