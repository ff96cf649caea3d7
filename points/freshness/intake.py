"""The only way into the store, but for the marks of age."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import structlog

from points.bacnet.port import Answer
from points.errors import ProtocolError
from points.freshness.marker import Marker
from points.freshness.quality import reading_of
from points.freshness.states import Age, PointState, again
from points.model import DeviceId, Reading, Source

_log = structlog.get_logger(__name__)


class Intake:
    """Makes readings of answers, and puts them into the store."""

    def __init__(self, put: Callable[[Reading], None], marker: Marker) -> None:
        self._put = put
        self._marker = marker
        self.readings: Counter[Source] = Counter()
        self.protocol_errors: Counter[DeviceId] = Counter()

    def learn(
        self,
        state: PointState,
        value: Answer,
        flags: Answer,
        reliability: Answer,
        source: Source,
        time: datetime,
        *,
        event_state: Answer = None,
    ) -> Reading:
        reading = reading_of(state.point, value, flags, reliability, time, source, event_state=event_state)
        aged = state.age is not Age.FRESH  # then it is looked at only when it would be offline
        state.learned(reading, time.timestamp())
        if (aged or state.check_at is None) and state.kept:
            self._marker.keep(state)
        if isinstance(value, ProtocolError):
            self.protocol_errors[state.point.device] += 1
            _log.debug("protocol error", point=state.point.id, error=str(value))
        self._put(reading)
        return reading

    def unchanged(self, state: PointState, before: Reading, time: datetime, at: float) -> None:
        """The poll that made `before` was answered with the same octets."""
        state.reading = state.polled = reading = again(before, time)
        aged, state.acquired, state.age = state.age is not Age.FRESH, at, Age.FRESH
        if aged and state.kept:
            self._marker.keep(state)
        self._put(reading)
