"""Verbs about what the site makes looser: profiles, relaxations, consent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated

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
from facility.cli.settings import configuration
from facility.consents import Consents, stored
from facility.port import Facility
from facility.profiles.listing import Entry, entries
from facility.wire import RelaxationInfo
from points.errors import PointsError

AT_ONCE = 40_000  # characters of keys in one request; the agent takes 64 KiB


def profiles(
    room: Annotated[str | None, typer.Argument(metavar="TYPE", help="Such as operating_room; all without.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every number of a clinical profile that is in force: where it is from and who verified it.

    Needs no agent.

    Example:  facility profiles operating_room
    """
    from facility.settings import consenting  # noqa: PLC0415 - heavy, and of no use to the other verbs

    settings = configuration(config)
    try:
        consents = Consents(settings.profiles, stored(settings.state_dir / "state.db"), consenting(settings))
    except PointsError as error:
        fail(str(error), Exit.CONFIG)
    found = list(entries(consents.in_force, consents.shipped, consents.site, room))
    if not found:
        known = ", ".join(sorted(consents.profiles.types))
        fail(f"There is no profile {room!r}. There are: {known}.", Exit.NO)
    if as_json:
        print_json([entry.as_json() for entry in found])
        return
    print_table(("WHAT", "VALUE", "SHIPPED", "SOURCE", "VERIFIED BY"), [_row(entry) for entry in found])
    unverified = sum(not entry.verified_by for entry in found)
    say(f"{len(found)} values, {unverified} of them NOT VERIFIED at this site.")


def _row(entry: Entry) -> tuple[str, str, str, str, str]:
    verified = " ".join(part for part in (entry.verified_by, entry.verified_on) if part)
    value = entry.value if entry.wanted is None else f"{entry.value} (asked for: {entry.wanted}; needs two people)"
    source = ", ".join(part for part in (entry.source, entry.edition) if part)
    return entry.what, value, entry.shipped or "", source, verified or "NOT VERIFIED"


def relaxations(config: ConfigOption = None, socket: SocketOption = None, as_json: JsonOption = False) -> None:
    """List what the site makes looser, who agreed to it, and what is not in force until two people have.

    Example:  facility relaxations
    """

    async def question(facility: Facility) -> list[RelaxationInfo]:
        return await facility.relaxations()

    known = ask(socket_of(socket, config), question)
    if as_json:
        print_json(known)
    elif known:
        print_relaxations(known)
    else:
        say("The site makes nothing looser.")


def consent(
    pattern: Annotated[str, typer.Argument(help="Of keys, as `facility relaxations` lists them; * and ? are wild.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; at least four characters, never about a patient.")],
    config: ConfigOption = None,
    socket: SocketOption = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Nobody agrees any more: the stricter holds.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Agree to what the site makes looser, as one of two people; or withdraw.

    Example:  facility consent "point ahu-1/* safety *" --reason "seen at the unit, dampers of an office"
    """

    async def question(facility: Facility) -> list[RelaxationInfo]:
        known = await facility.relaxations()
        keys = [info.key for info in known if fnmatchcase(info.key, pattern) or info.key == pattern]
        answers: list[RelaxationInfo] = []
        for some in _portions(keys):
            answers += await facility.consent(some, reason, withdraw=withdraw)
        return answers

    after = ask(socket_of(socket, config), question)
    if not after:
        fail(f"No relaxation is like {pattern!r}; `facility relaxations` lists them.", Exit.NO)
    if as_json:
        print_json(after)
    else:
        print_relaxations(after)


def _portions(keys: Sequence[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for key in keys:
        if some and sum(map(len, some)) + len(key) > AT_ONCE:
            yield some
            some = []
        some.append(key)
    if some:
        yield some


def print_relaxations(known: Iterable[RelaxationInfo]) -> None:
    """A table; what waits comes with who is still needed."""
    print_table(("RELAXATION", "AGREED", "STATE"), [(info.key, _people(info), _state(info)) for info in known])


def _people(info: RelaxationInfo) -> str:
    return ", ".join(each.by.removeprefix("user:") for each in info.consents) or "nobody"


def _state(info: RelaxationInfo) -> str:
    if info.ending:
        return "IN FORCE until what is held there is let go of: withdrawn"
    if info.in_force:
        return "in force"
    if len(info.consents) > 1:
        return "NOT IN FORCE: it contradicts a value that is not"
    return "NOT IN FORCE: needs one more" if info.consents else "NOT IN FORCE: needs two people"
