"""Reports as tables for other programs: CSV by RFC 4180, with CRLF, a stable header, and times in UTC and local.

Columns are only ever added at the end. A number that is not known is an empty cell, never 0. docs/energy.md has them.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from facility.wire import ComplianceDay, ComplianceReport, EnergyReport, SavingInfo

QUARTER = timedelta(minutes=15)

ENERGY_COLUMNS = (
    "kind", "start_utc", "start_local", "end_utc", "end_local", "subject", "name", "carrier", "kw", "kwh",
    "error_kwh_90", "known_share", "at_least", "note",
)  # fmt: skip
COMPLIANCE_COLUMNS = (
    "period", "start_utc", "start_local", "end_utc", "end_local", "space", "name", "type", "group", "critical",
    "in_range_min", "out_min", "unknown_min",
)  # fmt: skip
RISKY = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula: it gets an apostrophe in front."""


def energy_csv(report: EnergyReport) -> str:
    """One line for each meter, baseline, saving, shed and demand interval; `kind` says which."""
    zone, span = ZoneInfo(report.zone), (report.since, report.until)
    lines: list[Sequence[str]] = []
    for meter in report.meters:
        row = [meter.id, meter.name, meter.carrier, "", _number(meter.kwh), "", f"{meter.known:.4f}"]
        lines.append(["use", *_times(span, zone), *row, _yes(meter.at_least), "; ".join(meter.notes)])
        if meter.peak_at is not None:
            peak = (meter.peak_at, meter.peak_at + QUARTER)
            row = [meter.id, meter.name, meter.carrier, _number(meter.peak_kw), "", "", "", "", ""]
            lines.append(["peak", *_times(peak, zone), *row])
    for account in report.accounts:
        about = [account.meter, account.name, account.carrier]
        if account.baseline is not None:
            reference = (account.baseline.since, account.baseline.until)
            says = f"{account.baseline.model}: {account.baseline.says}"
            lines.append(["baseline", *_times(reference, zone), *about, "", "", "", "", "", says])
        lines.append(["avoided", *_times(span, zone), *about, *_saving(account.saving)])
        for one in account.policies:
            names = " + ".join(one.policies)
            about = [f"policy:{names}", account.name, account.carrier]
            lines.append(["policy", *_times(span, zone), *about, *_saving(one.saving)])
    for shed in report.sheds:
        row = [f"policy:{shed.policy}", shed.what, "", "", "", "", "", "", shed.refused or f"{shed.points} points"]
        lines.append(["shed", *_times((shed.since, shed.until), zone), *row])
    for interval in report.demand:
        times = _times((interval.start, interval.start + QUARTER), zone)
        lines.append(["demand", *times, "", "", "electricity", _number(interval.kw), "", "", "", "", ""])
    return _csv(ENERGY_COLUMNS, lines)


def compliance_csv(report: ComplianceReport) -> str:
    """One line for each space and day, and one for each space and month."""
    zone = ZoneInfo(report.zone)
    lines = []
    for period, days in (("day", report.days), ("month", by_month(report.days))):
        for day in days:
            span = _span(day.day, zone, report)
            about = [day.space, day.name, day.type, day.group, _yes(day.critical)]
            minutes = [f"{number:.2f}" for number in (day.in_range, day.out, day.unknown)]
            lines.append([period, *_times(span, zone), *about, *minutes])
    return _csv(COMPLIANCE_COLUMNS, lines)


def by_month(days: Iterable[ComplianceDay]) -> list[ComplianceDay]:
    """The same by month: `day` is then `2026-11`."""
    return _summed(days, lambda day: day.day[:7])


def by_space(days: Iterable[ComplianceDay]) -> list[ComplianceDay]:
    """The whole time in one line for each space: `day` is then empty."""
    return _summed(days, lambda _day: "")


def _summed(days: Iterable[ComplianceDay], period: Callable[[ComplianceDay], str]) -> list[ComplianceDay]:
    groups: dict[tuple[str, str], list[ComplianceDay]] = defaultdict(list)
    for day in days:
        groups[period(day), day.space].append(day)
    return [
        of[0].model_copy(
            update={
                "day": key[0],
                "in_range": sum(day.in_range for day in of),
                "out": sum(day.out for day in of),
                "unknown": sum(day.unknown for day in of),
            }
        )
        for key, of in groups.items()
    ]


def _span(day: str, zone: ZoneInfo, report: ComplianceReport) -> tuple[datetime, datetime]:
    """A local day or month, as far as the report covers it."""
    whole_month = day.count("-") == 1
    first = datetime.fromisoformat(f"{day}-01" if whole_month else day)
    after = (first + timedelta(days=32)).replace(day=1) if whole_month else first + timedelta(days=1)
    start, end = first.replace(tzinfo=zone).astimezone(UTC), after.replace(tzinfo=zone).astimezone(UTC)
    return max(start, report.since), min(end, report.until)


def _times(span: tuple[datetime, datetime | None], zone: ZoneInfo) -> list[str]:
    return [cell for time in span for cell in _time(time, zone)]


def _time(time: datetime | None, zone: ZoneInfo) -> tuple[str, str]:
    """`2026-11-24T08:14:00Z` and `2026-11-24T02:14:00-06:00`."""
    if time is None:
        return "", ""
    utc = time.astimezone(UTC).replace(microsecond=0)
    return f"{utc:%Y-%m-%dT%H:%M:%S}Z", utc.astimezone(zone).isoformat()


def _saving(saving: SavingInfo) -> list[str]:
    """From the column `kw` on."""
    return ["", _number(saving.kwh), _number(saving.error), "", "", saving.why]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _yes(value: bool) -> str:  # noqa: FBT001 (a cell)
    return "yes" if value else "no"


def _csv(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)  # the default dialect is that of RFC 4180
    writer.writerow(heads)
    writer.writerows([_safe(cell) for cell in line] for line in lines)
    return out.getvalue()


def _safe(cell: str) -> str:
    """Names come from devices: none of them is to run in somebody's spreadsheet."""
    return f"'{cell}" if cell.startswith(RISKY) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
