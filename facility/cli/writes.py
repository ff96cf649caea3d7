"""How writes are listed: in a table where it fits, else under their reasons, so that no reason is cut off."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from facility.cli.common import print_table, say
from facility.plain import escaped

SHOWN = 200  # writes that are printed; --json prints all that travel
REASON = 60  # columns that a reason has in a table, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list."""

    when: str
    mark: str  # "+" new, "-" gone, "" neither
    points: str
    value: str
    slot: int
    policy: str
    reason: str

    @property
    def why(self) -> str:
        """Who wants it, once, and for what reason."""
        return self.reason if self.reason.startswith(f"{self.policy} ") else f"{self.policy}: {self.reason}"


def print_writes(writes: Sequence[Listed]) -> None:
    """In the order given; those of one moment and one reason stand together."""
    shown = writes[:SHOWN]
    if not shown:
        return
    say("")
    if _is_narrow(shown):
        for (when, why), group in groupby(shown, key=lambda each: (each.when, each.why)):
            _print_group(f"{when}  {why}", list(group))
    else:
        heads = ("WHEN", "", "POINTS", "TO", "SLOT", "WHY")
        print_table(heads, [(w.when, w.mark, w.points, w.value, str(w.slot), w.why) for w in shown])
    if len(writes) > SHOWN:
        say(f"... and {len(writes) - SHOWN} more; --json prints them.")


def _is_narrow(shown: Sequence[Listed]) -> bool:
    if not sys.stdout.isatty():
        return False
    taken = max(len(escaped(f"{w.when}  {w.mark}  {w.points}  {w.value}")) for w in shown) + len("  SLOT  ")
    return os.get_terminal_size().columns < taken + REASON


def _print_group(heading: str, group: Sequence[Listed]) -> None:
    columns = max(os.get_terminal_size().columns, 40)
    lines = textwrap.wrap(
        escaped(heading), columns, subsequent_indent=" " * 8, max_lines=3, placeholder=" …", break_on_hyphens=False
    )
    for line in lines:
        say(line)
    widest = max(len(each.points) for each in group)
    for each in group:
        say(f"  {each.mark or ' '} {each.points:<{widest}}  {each.value} at {each.slot}"[:columns])
