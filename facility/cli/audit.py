"""Verbs about the record of what was done: verify, show, export.

Whoever may read the audit asks the agent that runs. Its files are for its own account and root: they work on them
when no agent runs, or when told to.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from facility.audit.keys import KeyUnusable, key_id, public_file, public_in
from facility.audit.proof import Evidence, check, records_in
from facility.audit.proof import export as written_out
from facility.cli.common import (
    ConfigOption,
    Exit,
    JsonOption,
    SocketOption,
    answers,
    ask,
    duration,
    fail,
    file_of,
    print_json,
    print_table,
    running_agents,
    say,
    say_which,
    socket_of,
    where,
)
from facility.database import StateUnavailable
from facility.port import Facility
from facility.wire import AuditCheck, Hello, Record

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="The record of everything that was done: check it, read it, take it away.",
)

KeyOption = Annotated[
    list[Path] | None,
    typer.Option("--key", help="Public key that anchors were signed with; besides the one beside the agent's key."),
]


WIDEST = 60  # characters of one column: a single entry is shown whole

DatabaseOption = Annotated[
    Path | None, typer.Option("--database", help="The agent's state.db, or a copy; its anchors and key lie beside it.")
]


@app.command()
def verify(
    anchors: Annotated[
        list[Path] | None,
        typer.Option("--anchors", help="File with anchors: a copy of the anchor file, of the journal, of MQTT."),
    ] = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the whole audit and name every entry that is not as it was written. Exit code 1 if there is one.

    The running agent reads it; with --anchors, --key, --database or --config, or if none runs, this reads its files.

    Example:  facility audit verify        or:  facility audit verify --anchors /mnt/other/audit-anchors.jsonl
    """
    agent = _asked(socket, config, own_eyes=bool(anchors or key or database))
    if agent is not None:
        found, reader = ask(agent, lambda facility: facility.audit_check()), f"The agent at {agent} has read it."
    else:
        found, reader = _checked(_files(database, config), anchors or (), key), ""
    if as_json:
        print_json(found)
    else:
        if reader:
            say(reader)
        _print_check(found)
    if found.faults:
        raise typer.Exit(Exit.NO)


@app.command()
def show(
    entry: Annotated[int | None, typer.Argument(help="Number of one entry, to see all of it.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Of this point, device or alarm only.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Of this person or policy only.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Not older than this: 24h, 90m.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was done, newest first: who, from what to what, why, and what came of it.

    Example:  facility audit show --target ahu-1/sat-sp --since 24h        or one in full:  facility audit show 812
    """
    after = datetime.now(UTC) - duration(since) if since else None

    async def question(facility: Facility) -> tuple[Hello, list[Record]]:
        return await facility.hello(), await facility.audit(target, limit, by, after, entry)

    agent = socket_of(socket, config)
    if socket is not None or answers(agent):
        hello, records = ask(agent, question)
        zone = ZoneInfo(hello.zone)
    else:
        files, zone = _files(None, config), where(file_of(config)).site.tz
        try:
            records = records_in(files.database, target, limit, by=by, since=after, entry=entry)
        except StateUnavailable as error:
            fail(str(error), Exit.CONFIG)
    if entry is not None and not records:
        fail(f"There is no entry {entry}.", Exit.NO)
    if as_json:
        print_json(records)
    elif entry is not None:
        _print_whole(records[0], zone)
    else:
        _print_records(records, zone)


@app.command()
def export(
    file: Annotated[str, typer.Argument(help="Where to write; - for standard output.")],
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    socket: SocketOption = None,
) -> None:
    """Write the whole audit as JSON lines that anybody can check without this program; docs/audit.md says how.

    The running agent tells it; with --key, --database or --config, or if none runs, this reads its files.

    Example:  facility audit export audit-2026.jsonl
    """
    source = _source(_asked(socket, config, own_eyes=bool(key or database)), database, config, key)
    if file == "-":
        source(lambda line: sys.stdout.write(line + "\n"))
        return
    try:
        with Path(file).open("w", encoding="utf-8") as opened:
            count = source(lambda line: opened.write(line + "\n"))
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.", Exit.USAGE)
    except typer.Exit:
        if Path(file).is_file():  # half of an audit could be taken for all of it
            Path(file).unlink()
        raise
    say(f"{count:,} entries are in {file}.")


def _asked(socket: Path | None, config: Path | None, *, own_eyes: bool) -> Path | None:
    """Where the agent listens that is asked; None: its files are read."""
    if own_eyes or (config is not None and socket is None):
        return None
    agent = socket_of(socket, config)
    return agent if socket is not None or answers(agent) else None


Write = Callable[[str], object]


def _source(
    agent: Path | None, database: Path | None, config: Path | None, key: list[Path] | None
) -> Callable[[Write], int]:
    """What tells every line, and then the number of entries."""
    if agent is not None:
        return lambda write: ask(agent, partial(_told, write=write))
    files = _files(database, config)
    keys = _keys(files, key)

    def read(write: Write) -> int:
        try:
            return written_out(files.database, keys, write)
        except StateUnavailable as error:
            fail(str(error), Exit.CONFIG)

    return read


async def _told(facility: Facility, write: Write) -> int:
    page, count = await facility.audit_page(), 0
    while True:
        for line in page.lines:
            write(line)
            count += line.startswith('{"seq"')
        if page.is_last:
            return count
        page = await facility.audit_page(page.after, page.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """What an agent has written its audit to."""

    database: Path
    anchors: Path
    public: Path


def _files(database: Path | None, config: Path | None) -> _Files:
    """As given, as configured, or of the only agent that runs for this user; they can be read, or this is the end."""
    file = file_of(config)
    used, running = where(file), []
    if database is None and file is None:
        running = [path.with_name("state.db") for path in running_agents()]
        if len(running) > 1:
            say_which("--database", running)
    beside = database or next(iter(running), None)
    if beside is None:
        public = public_file(used.audit_key)
        files = _Files(database=used.state_dir / "state.db", anchors=used.anchor_file, public=public)
    else:
        anchors, public = beside.with_name(used.anchor_file.name), public_file(beside.with_name(used.audit_key.name))
        files = _Files(database=beside, anchors=anchors, public=public)
    _must_be_readable(files.database)
    return files


def _must_be_readable(database: Path) -> None:
    """That it is not there at all is told by whoever opens it."""
    try:
        database.stat()
        barred = not os.access(database, os.R_OK)
    except OSError as error:
        barred = isinstance(error, PermissionError)
    if barred:
        fail(
            f"You may not read {database}: it is for the agent's own account and root. Ask the agent instead "
            "(facility audit verify or show, with --socket), or have them run this.",
            Exit.CONFIG,
        )


def _checked(files: _Files, anchors: Sequence[Path], given: Sequence[Path] | None) -> AuditCheck:
    evidence = Evidence(own=files.anchors, files=anchors, keys=_keys(files, given))
    try:
        return check(files.database, evidence, datetime.now(UTC))
    except StateUnavailable as error:
        fail(str(error), Exit.CONFIG)


def _keys(files: _Files, given: Sequence[Path] | None) -> dict[str, str]:
    try:
        used = [*([files.public] if files.public.exists() else ()), *(given or ())]
        return {key_id(public): public for public in map(public_in, used)}
    except KeyUnusable as error:
        fail(str(error), Exit.USAGE)


def _print_check(found: AuditCheck) -> None:
    anchored = f", the latest of {found.anchored:%Y-%m-%d %H:%M:%S}Z" if found.anchored else ""
    say(f"Checked {found.entries:,} entries, to number {found.last}, and {found.anchors:,} anchors{anchored}.")
    for fault in found.faults:
        say(fault.text)
    if not found.anchors:
        say(
            "No anchor bears it out: who can rewrite the whole database would not be found out. "
            "Give a copy of the anchors with --anchors."
        )
    for remark in found.remarks:
        say(f"Odd: {remark}.")
    if not found.faults:
        say("The audit is as it was written.")


def _print_records(records: Sequence[Record], zone: ZoneInfo) -> None:
    print_table(
        ("TIME", "WHO", "AS", "DID", "TO", "OLD", "NEW", "RESULT", "REASON", "SEQ"),
        [
            (
                _when(record.time, zone),
                record.by,
                record.role,
                record.action,
                record.target,
                record.found,
                record.value,
                record.result,
                record.reason,
                str(record.seq),
            )
            for record in records
        ],
        widest=WIDEST,
    )


def _print_whole(record: Record, zone: ZoneInfo) -> None:
    said = {**record.model_dump(), "time": record.time.astimezone(zone).isoformat(sep=" ")}
    for name, value in said.items():
        if value not in (None, ""):
            say(f"{name:<9}{value}")


def _when(time: datetime, zone: ZoneInfo) -> str:
    recent = datetime.now(UTC) - time < timedelta(hours=20)
    return time.astimezone(zone).strftime("%H:%M:%S" if recent else "%Y-%m-%d %H:%M:%S")
