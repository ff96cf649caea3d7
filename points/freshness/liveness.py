"""Whether a device answers, told without flapping.

One lost answer makes it slow, three in a row make it offline, two answers in a row bring it back.
An answer lost while the device said something else is only an answer lost: who speaks is not silent.
While it does not answer it is asked rarely, at growing and jittered intervals, for ever.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

LOST_AFTER = 3  # requests without answer (each has been repeated below us already)
BACK_AFTER = 2  # answers
FIRST_RETRY, LONGEST_RETRY = 2.0, 60.0  # seconds
JITTER = 0.2  # of the interval, either way: devices that fell silent together are not asked together
SETTLING = 1.0  # seconds between the first answer after an outage and the one that confirms it
SLOW_ANSWER = 1.0  # seconds

Status = Literal["online", "slow", "offline"]


class Change(Enum):
    """What a device's answer or silence has just made of it."""

    NONE = auto()
    FALTERED = auto()  # the first silence
    LOST = auto()
    RECOVERED = auto()  # answered again before it was given up
    BACK = auto()


@dataclass(slots=True, kw_only=True)
class Liveness:
    """One device's."""

    since: float
    status: Status = "slow"  # nothing heard yet
    last_heard: float | None = None
    failures: int = 0
    probe_at: float = 0.0  # nothing is asked before
    _answers: int = 0

    @property
    def answers(self) -> bool:
        """Whether it is on the hot path."""
        return self.failures == 0

    def heard(self, now: float) -> None:
        """It said something of its own accord."""
        self.last_heard = now
        if self.failures:
            self.probe_at = min(self.probe_at, now)

    def answered(self, now: float, took: float, *, half_mute: bool = False) -> Change:
        """It answered in `took` seconds. `half_mute`: but not all that it was asked."""
        self.last_heard = now
        if self.status != "offline":
            recovered = self.failures > 0
            self.failures = 0
            self._become("slow" if took > SLOW_ANSWER or half_mute else "online", now)
            return Change.RECOVERED if recovered else Change.NONE
        self._answers += 1
        if self._answers < BACK_AFTER:
            self.probe_at = now + SETTLING
            return Change.NONE
        self.failures = 0
        self._become("online", now)
        return Change.BACK

    def silent(self, now: float, *, asked: float) -> Change:
        """No answer to what was asked at `asked`."""
        self._answers = 0
        if self.last_heard is not None and asked < self.last_heard <= now:
            self.probe_at = now + _jittered(FIRST_RETRY)
            if self.status != "offline":
                self._become("slow", now)
            return Change.NONE
        self.failures += 1
        self.probe_at = now + _jittered(min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(self.failures - 1, 10)))
        if self.status == "offline":
            return Change.NONE
        if self.failures >= LOST_AFTER:
            self._become("offline", now)
            return Change.LOST
        self._become("slow", now)
        return Change.FALTERED if self.failures == 1 else Change.NONE

    def tidy(self, now: float) -> None:
        """The clock may have been set back."""
        self.probe_at = min(self.probe_at, now + LONGEST_RETRY * (1 + JITTER))

    def _become(self, status: Status, now: float) -> None:
        if status != self.status:
            self.status, self.since = status, now


def _jittered(interval: float) -> float:
    return interval * random.uniform(1 - JITTER, 1 + JITTER)
