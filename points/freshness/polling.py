"""How one device's points are polled, and what their answers make of them.

A reply that is the same as the last one costs no more than to say so: the readings that it made are
said again with the present time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from points.bacnet.batches import Batches
from points.bacnet.port import Answer, Property
from points.clock import Clock
from points.errors import DeviceError
from points.freshness.intake import Intake
from points.freshness.quality import NO_FLAGS, lacks_flags
from points.freshness.rounds import Portion
from points.freshness.states import EVENT_STATE, PointState
from points.model import Source


class Polling:
    """Belongs to one keeper."""

    def __init__(
        self,
        reads: Batches,
        intake: Intake,
        clock: Clock,
        *,
        answered: Callable[[float], None],
        seen: Callable[[PointState, Answer, float], None],
        once_more: Callable[[PointState], None],
    ) -> None:
        self._reads = reads
        self._intake = intake
        self._clock = clock
        self._answered = answered  # at what time the device did
        self._seen = seen  # what a poll says of a point with a subscription
        self._once_more = once_more

    async def soon(self, states: Sequence[PointState]) -> int:
        """Points that are polled together this once. Says with how many requests; raises DeviceSilent."""
        portion = Portion(states)
        portion.prepare()
        return await self.poll(portion)

    async def poll(self, portion: Portion) -> int:
        """Says with how many requests; raises DeviceSilent."""
        states, ends = portion.states, portion.ends
        # they are forgotten until they all have been made into readings: some of the new ones may be lost
        latest, portion.answers = portion.answers, {}
        taken: dict[int, Sequence[Answer]] = {}
        got: list[Answer] = []
        requests = position = first = changed_to = 0
        async for answers in self._reads.stream(portion.wanted):
            time = self._clock.now()
            at = time.timestamp()
            self._answered(at)
            requests += 1
            taken[len(got)] = answers
            if latest.get(len(got)) is not answers:
                changed_to = len(got) + len(answers)
            got.extend(answers)
            before = position
            while position < len(states) and ends[position] <= len(got):
                state = states[position]
                reading = state.reading
                if first >= changed_to and reading is state.polled and reading is not None:
                    self._intake.unchanged(state, reading, time, at)
                else:
                    self._learn(state, portion.asked[position], got[first : ends[position]], time, at)
                first = ends[position]
                position += 1
            self._intake.readings[Source.POLL] += position - before
        portion.answers = taken
        return requests

    def _learn(
        self, state: PointState, asked: Sequence[Property], answers: Sequence[Answer], time: datetime, at: float
    ) -> None:
        """`answers` to what the point asked for: the value, the flags, and in trouble what the trouble is; or less."""
        value = answers[0]
        flags = answers[1] if len(answers) > 1 else NO_FLAGS
        if lacks_flags(flags):
            state.without_flags()
        reliability: Answer = None
        event_state: Answer = None
        for property_, answer in zip(asked[2:], answers[2:], strict=True):
            if property_.name == EVENT_STATE:
                event_state = state.learns_event_state(answer)
            else:
                reliability = answer
        state.reliability = reliability if isinstance(reliability, str) else ""
        if state.listens_until:
            self._seen(state, value, at)
        reading = self._intake.learn(state, value, flags, reliability, Source.POLL, time, event_state=event_state)
        state.polled = None if isinstance(value, DeviceError) else reading
        if state.asked is not asked and not set(state.asked).issubset(asked):
            self._once_more(state)  # for what the trouble is
