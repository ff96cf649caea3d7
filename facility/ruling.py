"""What the guard says to a command: a decision, the rule it rests on, and what may be done instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A warning may be carried out, once a person has been shown it; "second-person" once another person agrees."""

    decision: Literal["allowed", "warning", "second-person", "refused"]
    rule: str = ""
    why: str = ""
    instead: str = ""
    source: str = ""  # who says so: the profile's source, edition and who verified it
    later: timedelta | None = None  # refused now, and worth asking again after so long; None: waiting does not help

    @property
    def refused(self) -> bool:
        return self.decision == "refused"

    @property
    def text(self) -> str:
        source = f"[{self.source}]" if self.source else ""
        return " ".join(part for part in (self.why, self.instead, source) if part)


ALLOWED = Verdict(decision="allowed")


def refuse(rule: str, why: str, instead: str = "", *, source: str = "", later: timedelta | None = None) -> Verdict:
    return Verdict(decision="refused", rule=rule, why=why, instead=instead, source=source, later=later)


def warn(rule: str, why: str, instead: str) -> Verdict:
    return Verdict(decision="warning", rule=rule, why=why, instead=instead)
