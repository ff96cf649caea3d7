"""The verb that says what every policy demands now, and what comes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.cli.common import ConfigOption, JsonOption, SocketOption, ask, print_json, print_table, say, socket_of
from facility.port import Facility
from facility.wire import Hello, PolicyRow, PolicyState


def policies(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Show each demand of this policy.")] = "",
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what every policy demands now and how much of it wins, or each demand of one, with its reason.

    Example:  facility policies office-hours
    """

    async def question(facility: Facility) -> tuple[Hello, list[PolicyState]]:
        return await facility.hello(), await facility.policies(name)

    hello, states = ask(socket_of(socket, config), question)
    zone = ZoneInfo(hello.zone)
    if as_json:
        print_json(states)
    elif name:
        _print_one(states[0], zone)
    elif not states:
        say("No policy is configured: docs/configuration.md says which there are.")
    else:
        print_table(
            ("POLICY", "STATE", "SLOT", "WANTS", "WINS", "BENEATH", "REFUSED", "NEXT", "WHY"),
            [_row(each, zone) for each in states],
        )


def _row(state: PolicyState, zone: ZoneInfo) -> tuple[str, ...]:
    counts = (state.demands, state.winning, state.beneath, state.refused)
    return (
        state.name,
        state.state,
        str(state.priority) if state.priority else "",
        *(str(count) for count in counts),
        _local(state.next, zone),
        state.why,
    )


def _print_one(state: PolicyState, zone: ZoneInfo) -> None:
    follows = f", its programme says {state.programme}" if state.programme else ""
    say(f"{state.name} ({state.kind}) is {state.state}{follows}")
    if state.priority:
        at = _local(state.next, zone)
        say(f"  slot {state.priority}, {state.points} points, {f'may change {at}' if at else 'no change by the clock'}")
    if state.why:
        say(f"  {state.why}")
    if state.rows:
        say("")
        print_table(("WHERE", "POINT", "DEMANDS", "RESULT", "WHY"), [_demand(row) for row in state.rows])
    if state.more:
        say(f"and {state.more} more; --json has the same rows, `facility why POINT` says it of any point")


def _demand(row: PolicyRow) -> tuple[str, ...]:
    return (row.about, row.point, row.value or "nothing", result_words(row), row.why)


def result_words(row: PolicyRow) -> str:
    """`beneath slot 8`, `refused`."""
    return f"beneath slot {row.beneath}" if row.result == "beneath" and row.beneath else row.result


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %d %b %H:%M}" if at is not None else ""
