"""Verbs of the reports: energy, compliance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

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
from facility.energy.tables import by_space, compliance_csv, energy_csv
from facility.port import Facility
from facility.wire import AccountInfo, ComplianceDay, DemandInfo, EnergyReport, MeterUse, SavingInfo

MOST_DAYS = 366
DaysOption = Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="So many days, today included.")]
CsvOption = Annotated[Path | None, typer.Option("--csv", help="Write the report to this file as CSV (RFC 4180).")]


def energy(
    days: DaysOption = 7,
    csv: CsvOption = None,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report use, demand, and what was avoided, in total and by policy, each with its error.

    A number is missing where there is no baseline that may be trusted; the reason stands in its place.

    Example:  facility energy --days 30 --csv november.csv
    """

    async def question(facility: Facility) -> tuple[DemandInfo, EnergyReport]:
        return await facility.demand(), await facility.energy(days)

    demand, report = ask(socket_of(socket, config), question)
    if csv is not None:
        _save(csv, energy_csv(report))
    elif as_json:
        print_json({"demand": demand, "report": report})
    else:
        _print_energy(demand, report)


def _print_energy(demand: DemandInfo, report: EnergyReport) -> None:
    zone = ZoneInfo(report.zone)
    say(f"From {_local(report.since, zone)} to {_local(report.until, zone)}, {report.zone}")
    for line in (*_demand_lines(demand), *(f"! {note}" for note in report.notes)):
        say(line)
    say("")
    print_table(("METER", "OF", "USED", "KNOWN", "PEAK 15 MIN", "NAME"), [_meter_row(m, zone) for m in report.meters])
    for account in report.accounts:
        say("")
        for line in _account_lines(account, zone):
            say(line)
    if report.sheds:
        say("")
        print_table(
            ("SHED FROM", "UNTIL", "POINTS", "POLICY", "WHAT", "NOTE"),
            [
                (
                    _local(shed.since, zone),
                    "" if shed.refused else _local(shed.until, zone) if shed.until else "still",
                    str(shed.points),
                    shed.policy,
                    shed.what,
                    shed.refused,
                )
                for shed in report.sheds
            ],
        )


def _demand_lines(demand: DemandInfo) -> Iterator[str]:
    if demand.note:
        yield f"! {demand.note}"
    level = "no policy limits demand" if demand.level is None else f"shed level {demand.level} ({demand.policy})"
    limit = f"limit {demand.limit_kw:,.0f} kW ({demand.limit_from})" if demand.limit_kw is not None else "no limit"
    window = f"15 min {_kw(demand.mean_kw)} -> {_kw(demand.projected_kw)} projected"
    yield f"Now {_kw(demand.kw)}, {window}, {limit}, {level}"


def _meter_row(meter: MeterUse, zone: ZoneInfo) -> tuple[str, ...]:
    used = f"{'at least ' if meter.at_least else ''}{_kwh(meter.kwh)}"
    peak = f"{_kw(meter.peak_kw)} at {_local(meter.peak_at, zone)}" if meter.peak_at else "?"
    return (meter.id, meter.carrier, used, f"{100 * meter.known:.1f} %", peak, meter.name)


def _account_lines(account: AccountInfo, zone: ZoneInfo) -> Iterator[str]:
    baseline = account.baseline
    yield f"Avoided, {account.name} ({account.carrier}): {_saving(account.saving)}"
    if account.expected_kwh is not None:
        hours = f"in {account.saving.hours:.0f} hours"
        yield f"  {_kwh(account.actual_kwh)} instead of {_kwh(account.expected_kwh)} {hours}"
    if baseline is not None:
        yield f"  Baseline: {baseline.model}, {baseline.hours} hours from {_local(baseline.since, zone)} on"
        yield f"  {baseline.says}"
    for one in account.policies:
        yield f"  {' + '.join(one.policies)}, {one.saving.hours:.0f} h in force: {_saving(one.saving)}"


def _saving(saving: SavingInfo) -> str:
    """Never a number without its error."""
    if saving.kwh is None or saving.error is None:
        return f"not known. {saving.why}".rstrip()
    doubt = "" if abs(saving.kwh) > saving.error else "; may be none"
    return f"{saving.kwh:,.0f} kWh ±{saving.error:,.0f} (90 %){doubt}{f'. {saving.why}' if saving.why else ''}"


def compliance(
    days: DaysOption = 30,
    csv: CsvOption = None,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report how long every space was in range, out of it, and not known.

    Example:  facility compliance --days 30 --csv november.csv
    """
    report = ask(socket_of(socket, config), lambda facility: facility.compliance_report(days))
    if csv is not None:
        _save(csv, compliance_csv(report))
    elif as_json:
        print_json(report)
    else:
        zone = ZoneInfo(report.zone)
        say(f"From {_local(report.since, zone)} to {_local(report.until, zone)}, {report.zone}; worst first")
        whole = sorted(by_space(report.days), key=lambda space: (-space.out, -space.unknown, space.space))
        print_table(("SPACE", "TYPE", "IN RANGE", "OUT", "UNKNOWN", "SHARE IN", "NAME"), [_row(s) for s in whole])
        for note in report.notes:
            say(note)


def _row(space: ComplianceDay) -> Sequence[str]:
    total = space.in_range + space.out + space.unknown
    share = f"{100 * space.in_range / total:.2f} %" if total else "?"
    minutes = [f"{number:,.0f} min" for number in (space.in_range, space.out, space.unknown)]
    return (space.space, space.type, *minutes, share, space.name)


def _save(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.", Exit.NO)
    say(f"{text.count(chr(10)) - 1:,} lines written to {file}")


def _local(time: datetime, zone: ZoneInfo) -> str:
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M}"


def _kw(value: float | None) -> str:
    return "? kW" if value is None else f"{value:,.1f} kW"


def _kwh(value: float | None) -> str:
    return "? kWh" if value is None else f"{value:,.0f} kWh"
