"""A run's figures: what was measured in each round, its medians, and the file that others read."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.fleet import ROOT

RESULTS = ROOT / "bench" / "results"
CASES = (
    "rpm-changing",
    "rpm-unchanged",
    "cov-ingest",
    "cov-latency-p99",
    "poll-50k-cpu",
    "poll-50k-rss",
    "discovery",
    "writes",
    "planning-everybody",
    "rehearsal-week",
)
UNITS = {
    "rpm-changing": "values/s",
    "rpm-unchanged": "values/s",
    "cov-ingest": "notifications/s",
    "cov-latency-p99": "ms",
    "poll-50k-cpu": "% of a core",
    "poll-50k-rss": "MB",
    "discovery": "objects/s",
    "writes": "x the round trips",
    "writes-at-once": "x the round trips",
    "planning-bind": "ms",
    "planning-everybody": "ms",
    "planning-few": "ms",
    "planning-nobody": "ms",
    "planning-minute": "ms",
    "rehearsal-week": "s",
    "rehearsal-stall": "ms",
}


@dataclass(slots=True)
class Run:
    """Everything that was measured. `also` holds cases beside those of `CASES`, which are told but not compared."""

    machine: dict[str, str]
    rounds: dict[str, dict[str, list[float]]] = field(default_factory=dict)  # case, client, a figure per round
    notes: list[str] = field(default_factory=list)

    def add(self, case: str, client: str, value: float) -> None:
        self.rounds.setdefault(case, {}).setdefault(client, []).append(value)
        print(f"{case:24} {client:18} {value:14,.1f} {UNITS.get(case, '')}", flush=True)

    def note(self, text: str) -> None:
        self.notes.append(text)
        print(text, flush=True)

    def median(self, case: str, client: str) -> float | None:
        found = self.rounds.get(case, {}).get(client)
        return statistics.median(found) if found else None

    def figures(self) -> list[dict[str, Any]]:
        """The list that `latest.json` is."""
        return [
            {"case": case, "client": client, "value": round(statistics.median(values), 3), "unit": UNITS[case]}
            for case in CASES
            for client, values in self.rounds.get(case, {}).items()
        ]

    def save(self, *, whole: bool) -> Path:
        """A whole run is the latest; a part of one lies beside it and is not committed."""
        RESULTS.mkdir(exist_ok=True)
        details = {"machine": self.machine, "rounds": self.rounds, "notes": self.notes}
        (RESULTS / ("run.json" if whole else "partial-run.json")).write_text(json.dumps(details, indent=1) + "\n")
        latest = RESULTS / ("latest.json" if whole else "partial.json")
        lines = ",\n".join(f"  {json.dumps(figure)}" for figure in self.figures())
        latest.write_text(f"[\n{lines}\n]\n")
        return latest

    @classmethod
    def saved(cls, *, whole: bool) -> Run:
        return cls(**json.loads((RESULTS / ("run.json" if whole else "partial-run.json")).read_text()))
