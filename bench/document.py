"""Writes a run into docs/benchmarks.md, between its two marks, and the picture beside it."""

from __future__ import annotations

from bench.compare import against_targets, all_figures
from bench.figures import Run
from bench.fleet import ROOT
from bench.plot import svg

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "benchmarks.svg"
BEGIN, END = "<!-- begin: written by make bench -->", "<!-- end -->"


def write(run: Run) -> None:
    PICTURE.write_text(svg(run), encoding="utf-8")
    PAGE.write_text(merged(PAGE.read_text(encoding="utf-8"), section(run)), encoding="utf-8")


def merged(page: str, text: str) -> str:
    """`page` with `text` between the marks; ValueError if it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no place for the figures")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def section(run: Run) -> str:
    machine = run.machine
    packages = ", ".join(f"{name} {machine[name]}" for name in ("uvloop", "bacpypes3", "rusty-bacnet"))
    made = (
        f"Made on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python "
        f"{machine['python']}, node {machine['node']}, {packages}; load before the run {machine['load before']}. "
        f"Medians of {machine['rounds']} rounds; the run took {machine['minutes']} minutes."
    )
    parts = [
        made,
        "![The figures as bars](benchmarks.svg)",
        all_figures(run),
        against_targets(run),
        *run.notes,
    ]
    return "\n\n".join(["", *parts, ""])
