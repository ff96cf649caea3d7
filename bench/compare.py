"""The figures against what was asked for: `python -m bench.compare` says it again from the last run.

A target that was missed is marked as missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.contenders import BAC0, BACNET_JS, BACPYPES3, CLIENTS, FACILITY, RAW
from bench.figures import CASES, UNITS, Run

ON_FARM = "rpm-unchanged-on-farm"  # devices of our own, which cost less than the fastest client
TUNED = "discovery-tuned"  # bacpypes3 driven with all that it can do, not as its own example drives it


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What ours has to reach: at least `bound` times another client's figure, or less than `bound`."""

    case: str
    bound: float
    other: str | None = None  # None: an absolute limit, which ours stays below

    def words(self) -> str:
        if self.other is None:
            return f"{self.case} < {self.bound:g} {UNITS[self.case]}"
        return f"{self.case} >= {self.bound:g} x {self.other}"

    def outcome(self, run: Run) -> tuple[str, str]:
        """What was reached, and "met", "MISSED" or "not measured"."""
        ours = run.median(self.case, FACILITY)
        if ours is None:
            return "-", "not measured"
        if self.other is None:
            return f"{ours:.1f}", "met" if ours < self.bound else "MISSED"
        theirs = run.median(self.case, self.other)
        if theirs is None:
            return "-", "not measured"
        if theirs == 0:
            return f"{ours:,.0f} to nothing", "met" if ours else "MISSED"
        return f"{ours / theirs:.2f} x", "met" if ours / theirs >= self.bound else "MISSED"


TARGETS = (
    Target(case="rpm-changing", bound=1.5, other=BACNET_JS),
    Target(case="rpm-changing", bound=100, other=BACPYPES3),
    Target(case="rpm-unchanged", bound=3, other=BACNET_JS),
    Target(case="rpm-unchanged", bound=0.5, other=RAW),
    Target(case="cov-ingest", bound=10, other=BACPYPES3),
    Target(case="cov-latency-p99", bound=10),
    Target(case="poll-50k-cpu", bound=50),
    Target(case="poll-50k-rss", bound=400),
    Target(case="writes", bound=3),
    Target(case="planning-everybody", bound=200),
    Target(case="rehearsal-week", bound=60),
    Target(case="discovery", bound=10, other=BAC0),
    Target(case="discovery", bound=10, other=BACPYPES3),
)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def against_targets(run: Run) -> str:
    return table(("target", "reached", ""), [(target.words(), *target.outcome(run)) for target in TARGETS])


def all_figures(run: Run) -> str:
    """A row per client, a column per case that more than ours was measured in."""
    shared = [case for case in (*CASES, *_more(run)) if any(c != FACILITY for c in run.rounds.get(case, {}))]
    head = ("client", *(f"{case}, {UNITS.get(case, UNITS['rpm-unchanged'])}" for case in shared))
    cell: Callable[[str, str], str] = lambda case, client: _number(run.median(case, client))  # noqa: E731
    return table(head, [(client, *(cell(case, client) for case in shared)) for client in CLIENTS])


def _more(run: Run) -> list[str]:
    return [case for case in run.rounds if case not in CASES]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def main() -> None:
    run = Run.saved(whole=True)
    print(all_figures(run), against_targets(run), *run.notes, sep="\n\n")


if __name__ == "__main__":
    main()
