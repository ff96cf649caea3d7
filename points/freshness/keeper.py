"""One device kept fresh: its polls, its subscriptions, and patience with it when it is silent.

One thing at a time, the most overdue first: what is due is polled, then subscribed or renewed;
a device of which nothing was heard for a while is asked for one value. A device that does not
answer is asked for nothing but a sign of life. A fault of ours at one device costs that device only:
it is treated as if the device were silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from points.bacnet.batches import Batches
from points.bacnet.port import Answer, Bacnet, Notification, Property
from points.clock import Clock
from points.errors import DeviceError, DeviceRefused, DeviceSilent
from points.freshness.liveness import Change, Liveness
from points.freshness.quality import flags_of
from points.freshness.states import Age, Cov, PointState, next_slot, phase_of
from points.freshness.subscriptions import Subscriptions
from points.model import Device, Event, EventKind, Point, PointId, Source, StatusFlags, Value

HEARTBEAT = 30.0  # seconds; a device of which we heard nothing for so long is asked for something
POLLED_AT_ONCE = 64  # points; then the most urgent come first again
SUBSCRIBED_AT_ONCE = 16  # points, between two polls: neither may starve the other
SHORTEST_REST = 0.001  # seconds; a clock has steps, and what is due within one is not waited for in circles
OVERDUE = 1.5  # periods: a poll that seems further away than this was planned before the clock was set back

# (point, value, flags, reliability, source): what the keeper learned.
Learned = Callable[[PointState, Answer, Answer, Answer, Source], object]

_log = structlog.get_logger(__name__)


class Keeper:
    """Keeps one device's points. `run` it; `heard` and `notified` may be called at any time."""

    def __init__(
        self,
        bacnet: Bacnet,
        device: Device,
        states: Iterable[PointState],
        *,
        clock: Clock,
        learned: Learned,
        recheck: Callable[[PointState], None],
        tell: Callable[[Event], None],
    ) -> None:
        self.device = device
        self.states = {state.point.id: state for state in states}
        self._bacnet = bacnet
        self._clock = clock
        self._learned = learned
        self._recheck = recheck
        self._tell = tell
        self._polled = [state for state in self.states.values() if state.point.present]
        self._by_object = {(s.point.ref.object_type, s.point.ref.instance): s for s in self._polled}
        self._reads = Batches(bacnet, device.ref, max_apdu=device.max_apdu, reads_multiple=device.reads_multiple)
        self._nudge = asyncio.Event()
        self._told_refusal = False
        self._at_fault = False  # the latest attempt ended in a fault of ours
        self.subscriptions = Subscriptions(bacnet, device, self._polled)
        self.liveness = Liveness(since=self._now())
        for state in self._polled:
            state.due = self._now()

    async def run(self) -> None:
        while True:
            try:
                await self._turn(self._now())
            except Exception as error:  # noqa: BLE001 - whatever it is, the other devices must not notice
                self._surprised(error)
                await self._rest(self._now())

    async def _turn(self, now: float) -> None:
        self._tidy(now)
        if self._next_at(now) > now:
            await self._rest(now)
            return
        try:
            requests = await self._act(now)
        except DeviceSilent as error:
            self._changed(self.liveness.silent(self._now(), asked=now), str(error))
        else:
            self._at_fault = False
            self._changed(self.liveness.answered(self._now(), (self._now() - now) / requests), "")

    def _surprised(self, error: Exception) -> None:
        if self._at_fault:
            _log.debug("a device still cannot be kept", device=self.device.id, error=repr(error))
        else:
            _log.error("a device cannot be kept: a fault of ours", device=self.device.id, exc_info=error)
        self._at_fault = True
        now = self._now()
        self._changed(self.liveness.silent(now, asked=now), f"an unexpected fault: {error!r}")

    def keeps(self, device: Device, points: Iterable[Point]) -> bool:
        """Whether it is just these that it keeps, as they are."""
        mine = {state.point.id: state.point for state in self.states.values()}
        return self.device == device and mine == {point.id: point for point in points}

    def heard(self) -> None:
        """The device announced itself: it may have been restarted."""
        now = self._now()
        self.liveness.heard(now)
        self.subscriptions.renew_all(now, certain=False)
        self._nudge.set()

    def notified(self, notification: Notification) -> None:
        """A change of value, whether or not its subscription has been acknowledged yet."""
        self.liveness.heard(self._now())
        state = self._by_object.get((notification.object_type, notification.instance))
        if state is None:
            return
        if state.point.ref.property not in notification.properties:
            self._poll_soon(state)  # it says that something changed, but not to what
            return
        was_faulty = state.faulty
        flags = notification.properties.get("status-flags")
        self._learned(state, notification.properties[state.point.ref.property], flags, state.reliability, Source.COV)
        if StatusFlags.FAULT in flags_of(flags) and not was_faulty:
            self._poll_soon(state)  # a notification does not say what is wrong

    def _poll_soon(self, state: PointState) -> None:
        state.due = self._now()
        self._nudge.set()

    def _next_at(self, now: float) -> float:
        if not self.liveness.answers:
            return self.liveness.probe_at
        heard = self.liveness.last_heard
        heartbeat = now if heard is None or heard > now else heard + HEARTBEAT
        due = min((state.due for state in self._polled), default=float("inf"))
        return max(self.liveness.probe_at, min(heartbeat, self.subscriptions.next_at, due))

    async def _act(self, now: float) -> int:
        """Does what is most overdue; returns with how many requests. Raises DeviceSilent."""
        if not self.liveness.answers and not self._at_fault:  # after a fault only the same again tells if it is over
            return await self._sign_of_life()
        due = sorted((s for s in self._polled if s.due <= now), key=lambda s: (s.deadline, s.due))
        if not due and self.subscriptions.due(now) is None:
            if not self._polled:
                return await self._sign_of_life()
            due = [min(self._polled, key=lambda state: state.acquired or 0.0)]
        requests = await self._poll(due[:POLLED_AT_ONCE], now)
        for _ in range(SUBSCRIBED_AT_ONCE):
            if (state := self.subscriptions.due(now)) is None:
                break
            await self._subscribe(state, now)
            requests += 1
        return requests

    async def _sign_of_life(self) -> int:
        try:
            await self._bacnet.read(self.device.ref, Property("device", self.device.ref.instance, "system-status"))
        except DeviceSilent:
            raise
        except DeviceError:
            pass  # a "no" is an answer too
        return 1

    async def _poll(self, states: list[PointState], now: float) -> int:
        wanted = [(state, property_) for state in states for property_ in state.asks()]
        answers: dict[PointId, dict[str, Answer]] = {}
        done = requests = 0
        async for batch in self._reads.stream([property_ for _, property_ in wanted]):
            asked = wanted[done : done + len(batch)]
            done += len(batch)
            requests += 1
            self.liveness.last_heard = self._now()
            for (state, property_), answer in zip(asked, batch, strict=True):
                answers.setdefault(state.point.id, {})[property_.name] = answer
            goes_on = wanted[done][0] if done < len(wanted) else None
            for state in dict.fromkeys(state for state, _ in asked):
                if state is not goes_on:
                    self._polled_one(state, answers.pop(state.point.id), now)
        return requests

    def _polled_one(self, state: PointState, answers: dict[str, Answer], now: float) -> None:
        flags = answers.get("status-flags")
        if isinstance(flags, DeviceRefused):
            state.has_flags = False
        reliability = answers.get("reliability")
        state.reliability = reliability if isinstance(reliability, str) else ""
        value = answers[state.point.ref.property]
        if state.cov is Cov.HELD and _should_have_been_told(state, value):
            state.renew_at = now  # the subscription may be gone without a word
        was_faulty = state.faulty
        self._learned(state, value, flags, reliability, Source.POLL)
        self._plan(state, now)
        if state.faulty and not was_faulty:
            state.due = now  # once more, for the reliability

    async def _subscribe(self, state: PointState, now: float) -> None:
        held_before = state.cov is Cov.HELD
        granted = await self.subscriptions.ask(state, now)
        self.liveness.last_heard = self._now()
        if granted != held_before:
            self._plan(state, now)
            self._recheck(state)
        if self.subscriptions.refusal and not self._told_refusal:
            self._told_refusal = True
            limit = self.subscriptions.limit
            room = "for some of its points" if limit is None else f"beyond {limit} of {len(self._polled)} points"
            text = f"{self.device.name} refuses COV {room} ({self.subscriptions.refusal}): these are polled"
            self._event(EventKind.COV_REFUSED, text)

    def _tidy(self, now: float) -> None:
        for state in self.subscriptions.expire(now):
            _log.info("a COV subscription ran out", point=state.point.id)
            self._plan(state, now)
            self._recheck(state)
        for state in self._polled:
            if state.due - now > OVERDUE * state.period:
                state.due = now
        self.liveness.tidy(now)

    def _plan(self, state: PointState, now: float) -> None:
        state.due = next_slot(now, state.period, phase_of(self.device.id, state.period))

    def _changed(self, change: Change, why: str) -> None:
        now = self._now()
        match change:
            case Change.NONE:
                return
            case Change.FALTERED:
                _log.warning("a device does not answer", device=self.device.id, why=why)
                for state in self._polled:
                    if state.leans_on_cov:
                        self._recheck(state)
                return
            case Change.LOST:
                self._event(EventKind.DEVICE_LOST, f"{self.device.name} does not answer ({why})")
                return
            case Change.BACK:
                self._event(EventKind.DEVICE_BACK, f"{self.device.name} answers again")
        _log.info("a device answers again", device=self.device.id)
        was_away = change is Change.BACK  # otherwise an answer was lost: no reason for a burst of requests
        self.subscriptions.renew_all(now, certain=was_away)
        for state in self._polled:
            if was_away or state.age is not Age.FRESH or state.reading is None:
                state.due = now

    def _event(self, kind: EventKind, text: str) -> None:
        self._tell(Event(kind=kind, time=self._clock.now(), about=self.device.id, text=text))

    async def _rest(self, now: float) -> None:
        """Until the next thing is due, or something happens."""
        self._nudge.clear()
        sleep = asyncio.ensure_future(self._clock.sleep(max(SHORTEST_REST, min(self._next_at(now) - now, HEARTBEAT))))
        nudge = asyncio.ensure_future(self._nudge.wait())
        try:
            await asyncio.wait((sleep, nudge), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            nudge.cancel()

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _should_have_been_told(state: PointState, value: Answer) -> bool:
    """Whether the value moved so far since the last reading that a living subscription would have told us."""
    before: Value | None = state.reading.value if state.reading else None
    if before is None or isinstance(value, (DeviceError, tuple)) or value is None:
        return False
    if isinstance(value, float) and isinstance(before, float):
        increment = state.point.cov_increment
        return increment is not None and abs(value - before) >= increment > 0
    return value != before
