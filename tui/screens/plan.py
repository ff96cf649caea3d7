"""A plan of the agent on a dialog: all of it at 80x24, and the guard's word always.

Where there is too little room, lines are cut at their ends before any of them is left out.
"""

from __future__ import annotations

from datetime import tzinfo

from facility.wire import Plan
from tui import text
from tui.canvas import Canvas, wrap

LABEL = 13
TOP = 2
FOOT = 2
"""Lines under the plan: the keys, the frame."""
VERDICTS = {
    "allowed": (" ALLOWED ", "nav"),
    "warning": (" ALLOWED, WITH A WARNING ", "high_fill"),
    "second-person": (" NEEDS A SECOND PERSON ", "high_fill"),
    "refused": (" REFUSED ", "crit_fill"),
}


def draw_plan(canvas: Canvas, plan: Plan, zone: tzinfo) -> None:
    """What would be done, and under it what the guard says."""
    width = canvas.width - LABEL - 3
    guard = wrap(plan.why, width - 2) if plan.why else []
    source = " · ".join(part for part in (f"rule {plan.rule}" if plan.rule else "", plan.source) if part)
    word, role = VERDICTS[plan.verdict]
    sources = wrap(source, width) if len(word) + 2 + len(source) > width else []
    room = canvas.height - TOP - FOOT - 1 - len(guard) - len(sources)
    y = TOP
    for name, lines in _fitted([(name, wrap(said, width)) for name, said in said_of(plan, zone)], room, width):
        canvas.put(3, y, name, "muted")
        for line in lines:
            canvas.put(LABEL, y, line)
            y += 1
    y += y < TOP + room  # an empty line where there is room for one
    canvas.put(3, y, "Guard", "muted")
    end = canvas.put(LABEL, y, word, role)
    if not sources:
        canvas.put(end + 2, y, source, "muted")
    for line in guard:
        y += 1
        if role == "high_fill":  # a block in the colour of HIGH: nobody presses Y past it unseen
            canvas.put(LABEL, y, f" {line:<{width - 2}} ", role)
        else:
            canvas.put(LABEL, y, line)
    for line in sources:
        y += 1
        canvas.put(LABEL, y, line, "muted")


def said_of(plan: Plan, zone: tzinfo) -> list[tuple[str, str]]:
    """What there is to say of a plan, by label."""
    spaces = ", ".join(f"{space.name}{' (critical)' if space.critical else ''}" for space in plan.spaces)
    ends = f"{text.clock(plan.ends, zone, seconds=True)}: {plan.after}" if plan.ends else ""
    owner = " · ".join(part for part in (plan.owner, plan.reason) if part)
    rows = (
        ("What", plan.what),
        ("Wins?", plan.wins),
        ("Spaces", spaces),
        ("Ramp", plan.ramp),
        ("Ends", ends),
        ("After", "" if ends else plan.after),
        ("No agent", plan.down),
        ("Check", plan.check),
        ("Owner", owner),
    )
    return [(name, said) for name, said in rows if said]


def _fitted(rows: list[tuple[str, list[str]]], room: int, width: int) -> list[tuple[str, list[str]]]:
    """In at most `room` lines: the longest are cut first, the last of the same length first."""
    rows = list(rows)
    while sum(len(lines) for _, lines in rows) > max(room, len(rows)):
        longest = max(range(len(rows)), key=lambda row: (len(rows[row][1]), row))
        name, lines = rows[longest]
        rows[longest] = (name, [*lines[:-2], text.fit(f"{lines[-2]} {lines[-1]}…", width)])
    return rows
