"""What a device tells of its own accord, and whether it tells what it should.

Only what we asked for is taken: notifications of our process, of points with a living subscription
or one that was just asked for. Everything else is counted and dropped. A poll that sees a value which
the subscription should have told is remembered; if nothing is told soon, the subscription is dead.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from points.bacnet.port import Answer, Notification
from points.errors import DeviceError
from points.freshness.agenda import Agenda
from points.freshness.intake import Intake
from points.freshness.quality import NO_FLAGS, flags_of, knows_flags
from points.freshness.states import EVENT_STATE, TROUBLE, Cov, PointState
from points.freshness.subscriptions import PROCESS
from points.model import Kind, Source, StatusFlags, Value

TOLD_WITHIN = 5.0  # seconds in which a notification may come after the poll that saw its value
_RESTART_PROCESS = 0
_RESTART_TELLS = frozenset({"system-status", "time-of-device-restart", "last-restart-reason"})


class Hearsay:
    """One device's."""

    def __init__(self, states: Iterable[PointState], intake: Intake) -> None:
        self._by_object = {(state.point.ref.object_type, state.point.ref.instance): state for state in states}
        self._intake = intake
        self._untold: Agenda[PointState] = Agenda()
        self.strange = 0  # notifications of a process that is not ours

    @property
    def next_at(self) -> float:
        return self._untold.next_at

    def of_restart(self, notification: Notification) -> bool:
        """Whether it says that the device was restarted."""
        return (
            notification.process == _RESTART_PROCESS
            and notification.object_type == "device"
            and notification.instance == notification.device.instance
            and not _RESTART_TELLS.isdisjoint(notification.properties)
        )

    def expected(self, notification: Notification, now: float) -> PointState | None:
        """The point that it is of, if we wait for word of it."""
        if notification.process != PROCESS:
            self.strange += 1
            return None
        state = self._by_object.get((notification.object_type, notification.instance))
        return state if state is not None and now < state.listens_until else None

    def take(self, state: PointState, notification: Notification, time: datetime) -> bool:
        """Learns what it says. True if the point has to be polled to know the rest."""
        self._untold.drop(state)
        name = state.point.ref.property
        if name not in notification.properties:
            return True  # it says that something changed, but not to what
        if state.point.kind is Kind.TEXT:
            state.told = None
            return True  # which character set its device writes is known where it is read
        value = notification.properties[name]
        state.told = value if isinstance(value, (float, int, bool, str)) else None
        told = notification.properties
        flags = told.get("status-flags", None if state.has_flags else NO_FLAGS)
        if state.has_flags and not knows_flags(flags):
            return True  # what is wrong with the object is not to be forgotten over its value
        # what the latest poll found wrong stands as long as something is
        status = flags_of(flags)
        reliability = told.get("reliability", state.reliability if status & StatusFlags.FAULT else "")
        event_state = told.get(EVENT_STATE, state.event_state if status & TROUBLE else "")
        asked = len(state.asked)
        self._intake.learn(state, value, flags, reliability, Source.COV, time, event_state=event_state)
        self._intake.readings[Source.COV] += 1
        return len(state.asked) > asked  # a notification does not say what is wrong

    def seen(self, state: PointState, value: Answer, at: float) -> None:
        """What a poll says of a point with a subscription."""
        if isinstance(value, (DeviceError, tuple)) or not isinstance(value, (float, int, bool, str)):
            return
        if state.cov is not Cov.HELD:
            return
        if state.told is None:
            state.told = value
        elif not _should_be_told(state, state.told, value):
            self._untold.drop(state)
        elif state not in self._untold:
            self._untold.put(state, at + TOLD_WITHIN)

    def untold(self, now: float) -> list[PointState]:
        """Points whose subscription kept silent of what a poll saw."""
        states = self._untold.take(now)
        for state in states:
            state.told = None  # it is judged anew from the next value on
        return states

    def set_back(self) -> None:
        """The clock was set back."""
        for state in self._untold:
            self._untold.drop(state)


def _should_be_told(state: PointState, before: Value, value: Value) -> bool:
    """Whether the value is so far from what was told last that a living subscription would have said so."""
    if isinstance(value, float) and isinstance(before, float):
        increment = state.point.cov_increment
        return increment is not None and abs(value - before) >= increment > 0
    return value != before
