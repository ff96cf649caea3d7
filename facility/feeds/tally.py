"""How many messages were taken and refused, by reason: all that is ever told of one that was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum


class Refused(StrEnum):
    """Why a message was refused. A closed list: nothing of a message can get into it."""

    TOO_LONG = "too-long"
    NOT_READABLE = "not-readable"  # neither JSON nor HL7 in its frame
    NOT_IN_SHAPE = (
        "not-in-shape"  # a key, segment, field or component that does not belong there, or one that is missing
    )
    NOT_OURS = "not-ours"  # of another message type, version or processing
    UNKNOWN_SPACE = "unknown-space"
    UNKNOWN_STATE = "unknown-state"
    TIME = "time"  # in the future, too old, or no time
    OLDER = "older"  # something newer has been told already
    TOPIC = "topic"
    PEER = "peer"  # it does not come from a sender that is allowed


class Tally:
    """Counters of one way in."""

    def __init__(self) -> None:
        self.accepted = 0
        self._refused: Counter[Refused] = Counter()

    def accept(self) -> None:
        self.accepted += 1

    def refuse(self, why: Refused) -> None:
        self._refused[why] += 1

    @property
    def refused(self) -> Mapping[Refused, int]:
        """Those reasons that there were."""
        return dict(self._refused)

    @property
    def refusals(self) -> int:
        return self._refused.total()
