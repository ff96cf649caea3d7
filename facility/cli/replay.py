"""The verb that looks back: replay."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.cli.common import ConfigOption, Exit, JsonOption, fail, file_of, print_json, say, socket_of, where
from facility.cli.writes import Listed, print_writes
from facility.config.errors import ConfigError
from facility.flight.recorder import FOLDER
from facility.flight.replay import Replayed
from facility.flight.tape import Tape
from facility.rehearsal.model import Write
from facility.replays import Told, replayed
from points.errors import PointsError

STEP_S = 900.0  # of the day, between two words about how far it is


def replay(
    day: Annotated[str, typer.Argument(metavar="DAY", help="Which day (UTC), as 2026-11-24; `list` tells them.")],
    changes: Annotated[
        Path | None, typer.Option("--with", help="TOML that is laid over the configuration of that day.")
    ] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help="A copy of the record.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide a recorded day again, by the policies of that day or by changed ones.

    Without changes every decision is compared with what was decided, bit for bit. With changes it lists what would have
    been written otherwise. It reads the record on this machine, without the agent: that of the configuration, or of the
    agent that runs.

    Example:  facility replay 2026-11-24 --with changes.toml
    """
    where = folder or _record(config)
    if day == "list":
        for each in Tape(where).days() or [f"Nothing is on record in {where}."]:
            say(each)
        return
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        fail(f"{day!r} is not a day; write it as 2026-11-24, or `list`.", Exit.USAGE)
    try:
        text = "" if changes is None else changes.read_text(encoding="utf-8")
        with _Progress() as progress:
            told = replayed(where, wanted, text, progress)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"It cannot be read: {error}", Exit.USAGE)
    except PointsError as error:
        fail(str(error), Exit.NO)
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)
    if as_json:
        print_json(told)
    else:
        _print(told)
    if told.as_it_was.mismatches:
        raise typer.Exit(Exit.NO)


def _record(config: Path | None) -> Path:
    """Where the agent of that configuration keeps its record; without one, the agent that runs for this user."""
    file = file_of(config)
    if file is not None:
        return where(file).state_dir / FOLDER
    return socket_of(None, None).parent / FOLDER


def _print(told: Told) -> None:
    was, zone = told.as_it_was, ZoneInfo(told.zone)
    say(_summary("as it was", was, zone))
    if told.damaged:
        say(f"{told.damaged} lines of the record cannot be read and are left out.")
    if was.mismatches:
        say(f"NOT THE SAME: {len(was.mismatches)} of {was.decisions} decisions differ from the record. The first:")
        for each in was.mismatches[:10]:
            say(f"  {each.at.astimezone(zone):%H:%M:%S} {each.policy} said {each.said}")
            say(f"           {'':{len(each.policy)}} says {each.says}")
    else:
        say("Every decision is the same, bit for bit.")
    if told.changed is None:
        _print_writes([("", write) for write in was.writes], zone)
        return
    say(_summary("with the changes", told.changed, zone))
    if told.changed.unrecorded:
        names = ", ".join(told.changed.unrecorded[:5])
        say(f"Unknown to the changed policies, because nobody looked at them that day: {names}.")
    say(f"+{len(told.apart.new)} new, -{len(told.apart.gone)} gone")
    marked = [("+", write) for write in told.apart.new] + [("-", write) for write in told.apart.gone]
    _print_writes(sorted(marked, key=lambda each: each[1].at), zone)


def _summary(what: str, found: Replayed, zone: ZoneInfo) -> str:
    if found.first is None or found.last is None:
        return f"{what}: nothing is on record"
    span = f"{found.first.astimezone(zone):%d %b %H:%M:%S} to {found.last.astimezone(zone):%H:%M:%S}"
    return f"{what}: {span}, {found.decisions} decisions, {len(found.writes)} writes"


def _print_writes(writes: list[tuple[str, Write]], zone: ZoneInfo) -> None:
    print_writes(
        [
            Listed(
                when=write.at.astimezone(zone).strftime("%H:%M:%S"),
                mark=mark,
                points=write.point,
                value="released" if write.value is None else str(write.value),
                slot=int(write.priority),
                policy=write.policy,
                reason=write.reason,
            )
            for mark, write in writes
        ]
    )


class _Progress:
    """How far it is, on a terminal; gone when it is done."""

    def __init__(self) -> None:
        self._latest: datetime | None = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._latest is not None:
            sys.stderr.write(f"\r{'':<20}\r")
            sys.stderr.flush()

    def __call__(self, at: datetime) -> None:
        if not sys.stderr.isatty():
            return
        if self._latest is None or abs((at - self._latest).total_seconds()) > STEP_S:
            self._latest = at
            sys.stderr.write(f"\rreplaying {at:%H:%M} ")
            sys.stderr.flush()
