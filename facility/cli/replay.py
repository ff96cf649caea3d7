"""The verb that looks back: replay."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.cli.common import ConfigOption, Exit, JsonOption, configuration, fail, print_json, print_table, say
from facility.config import ConfigError
from facility.flight.recorder import FOLDER
from facility.flight.replay import Replayed
from facility.flight.tape import Tape
from facility.rehearsal.model import Write
from facility.replays import Told, replayed
from points.errors import PointsError

SHOWN = 200
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
    been written otherwise. It reads the record on this machine; the agent need not run.

    Example:  facility replay 2026-11-24 --with changes.toml
    """
    settings = configuration(config)
    where = folder or settings.state_dir / FOLDER
    if day == "list":
        for each in Tape(where).days():
            say(each)
        return
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        fail(f"{day!r} is not a day; write it as 2026-11-24, or `list`.", Exit.USAGE)
    try:
        text = "" if changes is None else changes.read_text(encoding="utf-8")
        told = replayed(where, wanted, text, _Progress())
    except (OSError, UnicodeDecodeError) as error:
        fail(f"It cannot be read: {error}", Exit.USAGE)
    except PointsError as error:
        fail(str(error), Exit.NO)
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)
    if as_json:
        print_json(told)
    else:
        _print(told, settings.site.tz)
    if told.as_it_was.mismatches:
        raise typer.Exit(Exit.NO)


def _print(told: Told, zone: ZoneInfo) -> None:
    was = told.as_it_was
    say(_summary("as it was", was, zone))
    if told.damaged:
        say(f"{told.damaged} lines of the record cannot be read and are left out.")
    if was.mismatches:
        say(f"NOT THE SAME: {len(was.mismatches)} decisions differ from the record. The first:")
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
    print_table(
        ("WHEN", "", "POINT", "TO", "SLOT", "WHY"),
        [
            (
                write.at.astimezone(zone).strftime("%H:%M:%S"),
                mark,
                write.point,
                "released" if write.value is None else str(write.value),
                str(int(write.priority)),
                f"{write.policy}: {write.reason}",
            )
            for mark, write in writes[:SHOWN]
        ],
    )
    if len(writes) > SHOWN:
        say(f"... and {len(writes) - SHOWN} more; --json prints them.")


class _Progress:
    """A word on the terminal now and then."""

    def __init__(self) -> None:
        self._latest: datetime | None = None

    def __call__(self, at: datetime) -> None:
        if not sys.stderr.isatty():
            return
        if self._latest is None or abs((at - self._latest).total_seconds()) > STEP_S:
            self._latest = at
            sys.stderr.write(f"\rreplaying {at:%H:%M} ")
            sys.stderr.flush()
