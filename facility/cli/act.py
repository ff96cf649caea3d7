"""Verbs that act: write and release. Each is a wish the agent may refuse; each says what came of it."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.cli.common import (
    ConfigOption,
    Exit,
    JsonOption,
    SocketOption,
    ask,
    duration,
    print_json,
    socket_of,
    value,
)
from facility.port import Facility
from facility.wire import Hello, Plan, Result, Wish
from points.model import Value

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; at least four characters, never about a patient.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it although the guard warns.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what it would do, write nothing.")]


def write(
    point: Annotated[str, typer.Argument(help="Point id, such as ahu-1/sat-sp.")],
    wanted: Annotated[str, typer.Argument(metavar="VALUE", help="A number, or a state text such as on.")],
    lasts: Annotated[str, typer.Option("--for", help="How long it is held: 15m, 2h, 1h30m. At most 24h.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    socket: SocketOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Hold a point at a value for a while (priority 8); the agent lets go by itself.

    Example:  facility write ahu-1/sat-sp 18 --for 2h --reason "valve test"
    """
    minutes = duration(lasts).total_seconds() / 60
    wish = _wish(point, value(wanted), minutes, reason)
    _carry_out(wish, config, socket, dry_run=dry_run, yes=yes, as_json=as_json)


def release(
    point: Annotated[str, typer.Argument(help="Point id, such as ahu-1/sat-sp.")],
    reason: ReasonOption = "released by hand",
    config: ConfigOption = None,
    socket: SocketOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let go of a point that an operator holds (priority 8); what waits beneath takes over.

    Example:  facility release ahu-1/sat-sp
    """
    _carry_out(_wish(point, None, None, reason), config, socket, dry_run=dry_run, yes=True, as_json=as_json)


def _wish(point: str, wanted: Value | None, minutes: float | None, reason: str) -> Wish:
    if not 4 <= len(reason) <= 200:
        raise typer.BadParameter("a reason has 4 to 200 characters", param_hint="--reason")
    return Wish(point=point, value=wanted, minutes=minutes, reason=reason)


def _carry_out(
    wish: Wish, config: ConfigOption, socket: SocketOption, *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    async def question(facility: Facility) -> tuple[Hello, Plan, Result | None]:
        hello, plan = await facility.hello(), await facility.preview(wish)
        if dry_run or plan.verdict == "refused" or (plan.verdict == "warning" and not yes):
            return hello, plan, None
        return hello, plan, await facility.commit(plan.id)

    hello, plan, result = ask(socket_of(socket, config), question)
    if as_json:
        print_json(result or plan)
    elif result is None:
        _print_plan(plan, ZoneInfo(hello.zone))
        if plan.verdict == "warning" and not dry_run:
            typer.echo("Nothing was written. Say --yes to do it all the same.", err=True)
    else:
        typer.echo(result.text)
    done = dry_run and plan.verdict != "refused" if result is None else result.status in ("held", "released")
    if not done:
        raise typer.Exit(Exit.NO)


def _print_plan(plan: Plan, zone: ZoneInfo) -> None:
    words = {"refused": "Refused", "warning": "WARNING, would do", "allowed": "Would do"}
    typer.echo(f"{words[plan.verdict]}: {plan.what}")
    ends = plan.ends.astimezone(zone).strftime("%a %H:%M") if plan.ends else ""
    rows = (("Rule", plan.rule), ("Why", plan.why), ("Wins", plan.wins), ("Ends", ends), ("After", plan.after))
    for head, text in rows:
        if text:
            typer.echo(f"  {head:<6}{text}")
