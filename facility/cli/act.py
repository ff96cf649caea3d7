"""Verbs that act: write, release, and the second person's. Each may be refused; each says what came of it."""

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
    print_table,
    say,
    socket_of,
    value,
)
from facility.port import Facility
from facility.wire import Hello, Plan, Result, WaitingInfo, Wish
from points.model import Value

DONE = ("held", "released")
WORDS = {
    "refused": "Refused",
    "second-person": "Needs a second person, would then do",
    "warning": "WARNING, would do",
    "allowed": "Would do",
}

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; at least four characters, never about a patient.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it although the guard warns.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what it would do, write nothing.")]


def write(
    point: Annotated[str, typer.Argument(help="Point id, such as ahu-1/sat-sp.")],
    wanted: Annotated[str, typer.Argument(metavar="VALUE", help="A number, or a state text such as on.")],
    lasts: Annotated[
        str, typer.Option("--for", help="How long it is held: 15m to 24h, for an engineer up to 720h. 2h, 1h30m.")
    ],
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


def waiting(config: ConfigOption = None, socket: SocketOption = None, as_json: JsonOption = False) -> None:
    """List the commands that wait for a second person.

    Example:  facility waiting
    """

    async def question(facility: Facility) -> tuple[Hello, list[WaitingInfo]]:
        return await facility.hello(), await facility.waiting()

    hello, requests = ask(socket_of(socket, config), question)
    zone = ZoneInfo(hello.zone)
    if as_json:
        print_json(requests)
    elif not requests:
        say("Nothing waits for a second person.")
    else:
        heads = ("REQUEST", "UNTIL", "WHO", "WHAT", "REASON", "YOU")
        print_table(heads, [_waiting_row(request, zone) for request in requests])


def _waiting_row(request: WaitingInfo, zone: ZoneInfo) -> tuple[str, ...]:
    you = "asked for it" if request.mine else "may agree" if request.may_second else "may not agree"
    until = request.until.astimezone(zone).strftime("%H:%M")
    return (request.id, until, request.by, request.what, request.reason, you)


def second(
    request: Annotated[str, typer.Argument(help="Its id, as `facility waiting` shows it.")],
    config: ConfigOption = None,
    socket: SocketOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree: it is carried out now.")] = False,
    decline: Annotated[bool, typer.Option("--decline", help="Decline it, or withdraw what you asked for.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at what somebody else asked for, and agree to it with --yes. Nothing is written before.

    Example:  facility second 3f9a --yes
    """
    path = socket_of(socket, config)
    if decline:
        gone = ask(path, lambda facility: facility.dismiss(request))
        if as_json:
            print_json(gone)
        else:
            say(f"{'Withdrawn' if gone.mine else 'Declined'}: {gone.what}. Nothing was written.")
        return

    async def question(facility: Facility) -> tuple[Hello, Plan, Result | None]:
        hello, plan = await facility.hello(), await facility.second(request)
        agreed = yes and plan.verdict in ("allowed", "warning")
        return hello, plan, await facility.commit(plan.id) if agreed else None

    hello, plan, result = ask(path, question)
    if as_json:
        print_json(result or plan)
    elif result is None:
        _print_plan(plan, ZoneInfo(hello.zone))
    else:
        say(result.text)
    if result is None and plan.verdict != "refused":
        say("Nothing was written. Say --yes to agree.", err=True)
    if result is None or result.status not in DONE:
        raise typer.Exit(Exit.NO)


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
            say("Nothing was written. Say --yes to do it all the same.", err=True)
    else:
        say(result.text)
    done = dry_run and plan.verdict != "refused" if result is None else result.status in DONE
    if not done:
        raise typer.Exit(Exit.NO)


def _print_plan(plan: Plan, zone: ZoneInfo) -> None:
    say(f"{WORDS[plan.verdict]}: {plan.what}")
    ends = plan.ends.astimezone(zone).strftime("%a %H:%M") if plan.ends else ""
    spaces = ", ".join(f"{space.name}{' (critical)' if space.critical else ''}" for space in plan.spaces)
    rows = (
        ("Guard", plan.why),
        ("Rule", " · ".join(part for part in (plan.rule, plan.source) if part)),
        ("Wins", plan.wins),
        ("Spaces", spaces),
        ("Ramp", plan.ramp),
        ("Ends", ends),
        ("After", plan.after),
        ("If the agent is down then", plan.down),
        ("Check", plan.check),
        ("Owner", " · ".join(part for part in (plan.owner, plan.reason) if part)),
    )
    for head, text in rows:
        if text:
            say(f"  {head}: {text}" if len(head) > 8 else f"  {head:<8}{text}")
