"""Where a person has been: back and forward over places, each as it was left. Help leaves no trace."""

from __future__ import annotations

from tui.seat import Goto

MOST_BACK = 50
"""Places that are remembered."""


class Trail:
    """`here` is where the person is now; help stands beside the way."""

    def __init__(self, start: Goto) -> None:
        self.here = start
        self._way = [start]
        self._step = 0

    def go(self, goto: Goto, *, left: Goto) -> None:
        """Goes there. `left` is the place one comes from, with what was looked at there."""
        if self.here.place != "help":
            self._way[self._step] = left
        if goto.place != "help":
            self._way = [*self._way[: self._step + 1], goto][-MOST_BACK:]
            self._step = len(self._way) - 1
        self.here = goto

    def move(self, by: int) -> bool:
        """Back (-1), forward (1), or out of help (0); whether there is such a step."""
        if not 0 <= self._step + by < len(self._way):
            return False
        self._step += by
        self.here = self._way[self._step]
        return True
