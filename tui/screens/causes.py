"""The chain of causes on a screen: one step under the other, what comes next always last, the cursor on one."""

from __future__ import annotations

from dataclasses import dataclass

from textual.geometry import Region

from facility.wire import Why, WhyStep
from tui.canvas import Canvas, wrap

PLACES = {"point": "point", "alarm": "alarms", "schedule": "schedules", "device": "links"}
"""Where a cause is looked at."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A step of the chain, under the cursor."""

    number: int
    target: str


def chain_rows(why: Why | None, width: int) -> int:
    """How many lines all of it takes."""
    return sum(len(lines) for _, lines in _steps(why, width))


def draw_chain(canvas: Canvas, area: Region, why: Why | None, *, source: str, trouble: str) -> int:
    """A heading and as many causes as there is room for, with what they rest on. The line after them."""
    x, y, width = area.x, area.y, area.width
    steps, note = _steps(why, width), f"{source} · Enter follows"
    canvas.rule(x, y, width, "Why is it so?", note if source and len(note) + 21 <= width else "Enter follows")
    left = area.height - (len(steps[-1][1]) if steps else 0)
    for number, (step, all_lines) in enumerate(steps, 1):
        lines = all_lines
        if number < len(steps):
            lines, left = all_lines[: max(0, left)], left - len(all_lines)
        if not lines:
            continue
        canvas.item(x + 1, y + 1, width - 2, Cause(number, step.target))
        after = x
        for row, line in enumerate(lines):
            y += 1
            after = canvas.put(x + (1 if row == 0 else 3), y, line)
        if after + len(step.evidence) + 3 < x + width:
            canvas.put(x + width - len(step.evidence) - 1, y, step.evidence, "muted")
    if why is None:
        y += 1
        canvas.put(x + 2, y, trouble, "muted")
    return y + 1


def _steps(why: Why | None, width: int) -> list[tuple[WhyStep, list[str]]]:
    steps = why.steps if why else []
    signs = [*(str(number) for number in range(1, len(steps))), "▸ Next:"]
    return [(step, wrap(f"{sign} {step.text}", width - 4)) for sign, step in zip(signs, steps, strict=False)]
