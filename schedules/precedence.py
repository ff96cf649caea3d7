"""Who goes first: the written table of precedence. Pure.

Between levels the priority array of the device decides (ASHRAE 135 clause 19.2): 12 before 13 before 14 before 15. That
is the hierarchy of Guideline 36 in slots: demand limiting before occupancy before the schedule. Within a level, the
kind that stands earlier in this table has the slot; among policies of one kind, the one written earlier in the
configuration. Whoever loses is told as a conflict, with the rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from points.model import Priority

TABLE: Mapping[Priority, tuple[str, ...]] = {
    Priority.DEMAND_LIMIT: ("demand-response", "demand-limit"),
    Priority.HOLD_OFF: ("restart",),
    Priority.OCCUPANCY: (
        "optimal-start",  # heats and cools harder than any setback
        "setback",  # protects the building from its own setback: before all that saves
        "room-turndown",
        "bed-setback",
        "pre-cooling",
        "optimal-stop",
        "occupancy-standby",
        "daylight",
    ),
    Priority.SCHEDULE: (
        "lead-lag",
        "economizer",
        "ventilation",
        "supply-temperature-reset",
        "static-pressure-reset",
        "plant-reset",
        "lighting-sweep",
        "weekly",
    ),
}
"""Level -> the kinds of policy that use it, the first first."""

_RANK = {kind: rank for kinds in TABLE.values() for rank, kind in enumerate(kinds)}


def rank(kind: str) -> int:
    """Its place within its level; a kind that the table does not know comes last."""
    return _RANK.get(kind, len(_RANK))


def rule(winner: str, loser: str) -> str:
    """Why `winner` goes before `loser`, two kinds at one level."""
    if rank(winner) == rank(loser):
        return "it is written earlier"
    return f"{winner} goes before {loser}"
