"""Verbs about the record of what was done: verify, show, export. They work on the file when no agent runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Select

from facility.audit.keys import KeyUnusable, key_id, public_file, public_in
from facility.audit.ledger import record_of, records_query
from facility.audit.proof import Evidence, check
from facility.audit.proof import export as written_out
from facility.cli.common import (
    ConfigOption,
    Exit,
    JsonOption,
    SocketOption,
    answers,
    ask,
    configuration,
    duration,
    fail,
    print_json,
    print_table,
    socket_of,
)
from facility.config import Config
from facility.database import StateUnavailable, look_into
from facility.port import Facility
from facility.wire import AuditCheck, Hello, Record

app = typer.Typer(name="audit", help="The record of everything that was done: check it, read it, take it away.")

KeyOption = Annotated[
    list[Path] | None,
    typer.Option("--key", help="Public key that anchors were signed with; besides the one beside the agent's key."),
]


@app.command()
def verify(
    anchors: Annotated[
        list[Path] | None,
        typer.Option("--anchors", help="File with anchors: a copy of the anchor file, of the journal, of MQTT."),
    ] = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the whole audit and name every entry that is not as it was written. Exit code 1 if there is one.

    Example:  facility audit verify --anchors /mnt/other/audit-anchors.jsonl
    """
    used = configuration(config)
    own = [used.anchor_file] if used.anchor_file.exists() else []
    evidence = Evidence(files=[*own, *(anchors or ())], keys=_keys(used, key))
    try:
        found = check(_database(used), evidence, datetime.now(UTC))
    except StateUnavailable as error:
        fail(str(error), Exit.CONFIG)
    if as_json:
        print_json(found)
    else:
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
        used = configuration(config)
        query = records_query(target, limit, by=by, since=after, entry=entry)
        records, zone = _from_file(used, query), used.site.tz
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
    config: ConfigOption = None,
) -> None:
    """Write the whole audit as JSON lines that anybody can check without this program; docs/audit.md says how.

    Example:  facility audit export audit-2026.jsonl
    """
    used = configuration(config)
    keys = _keys(used, key)
    try:
        if file == "-":
            written_out(_database(used), keys, lambda line: sys.stdout.write(line + "\n"))
            return
        with Path(file).open("w", encoding="utf-8") as opened:
            count = written_out(_database(used), keys, lambda line: opened.write(line + "\n"))
    except StateUnavailable as error:
        fail(str(error), Exit.CONFIG)
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.", Exit.USAGE)
    typer.echo(f"{count:,} entries are in {file}.")


def _database(config: Config) -> Path:
    return config.state_dir / "state.db"


def _keys(config: Config, given: Sequence[Path] | None) -> dict[str, str]:
    beside = public_file(config.audit_key)
    try:
        files = [*([beside] if beside.exists() else ()), *(given or ())]
        return {key_id(public): public for public in map(public_in, files)}
    except KeyUnusable as error:
        fail(str(error), Exit.USAGE)


def _from_file(config: Config, query: Select[Any]) -> list[Record]:
    try:
        return look_into(
            _database(config),
            lambda connection: [record_of(row) for row in connection.execute(query).mappings()],
        )
    except StateUnavailable as error:
        fail(str(error), Exit.CONFIG)


def _print_check(found: AuditCheck) -> None:
    anchored = f", the latest of {found.anchored:%Y-%m-%d %H:%M:%S}Z" if found.anchored else ""
    typer.echo(f"Checked {found.entries:,} entries, to number {found.last}, and {found.anchors:,} anchors{anchored}.")
    for fault in found.faults:
        typer.echo(fault.text)
    if not found.anchors:
        typer.echo(
            "No anchor bears it out: who can rewrite the whole database would not be found out. "
            "Give a copy of the anchors with --anchors."
        )
    if not found.faults:
        typer.echo("The audit is as it was written.")


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
    )


def _print_whole(record: Record, zone: ZoneInfo) -> None:
    said = {**record.model_dump(), "time": record.time.astimezone(zone).isoformat(sep=" ")}
    for name, value in said.items():
        if value not in (None, ""):
            typer.echo(f"{name:<9}{value}")


def _when(time: datetime, zone: ZoneInfo) -> str:
    recent = datetime.now(UTC) - time < timedelta(hours=20)
    return time.astimezone(zone).strftime("%H:%M:%S" if recent else "%Y-%m-%d %H:%M:%S")
