"""One device kept fresh: its polls, its subscriptions, and patience with it when it is silent.

One thing at a time, the most urgent first: what is due is polled, then subscribed or renewed; a
device of which nothing was heard for a while is asked for one value. A device that does not answer
is asked for nothing but a sign of life. A fault of ours at one device costs that device only: it is
treated as if the device were silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from points.bacnet.batches import Batches
from points.bacnet.port import Bacnet, Notification, Property
from points.clock import Clock
from points.errors import DeviceError, DeviceSilent
from points.freshness.hearsay import Hearsay
from points.freshness.intake import Intake
from points.freshness.liveness import Change, Liveness
from points.freshness.polling import Polling
from points.freshness.pulse import Found, Pulse, Suspicion
from points.freshness.rounds import Rounds
from points.freshness.states import Age, PointState
from points.freshness.subscriptions import Subscriptions
from points.freshness.trunks import Trunks
from points.model import Device, DeviceId, Event, EventKind, Point
from points.passport import Oddity, Passports

HEARTBEAT = 30.0  # seconds; a device of which we heard nothing for so long is asked for something
SUBSCRIBED_AT_ONCE = 16  # points, between two polls: neither may starve the other
SHORTEST_REST = 0.001  # seconds; a clock has steps, and what is due within one is not waited for in circles
POLLED_AGAIN = 3.0  # seconds that a point has to be polled in once its subscription stands for it no more
SMOOTHING = 0.2  # the weight of one answer in a device's latency
LATENCY_TOLD = 0.25  # the part by which it has to change before that is noted

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the keepers of all devices share."""

    bacnet: Bacnet
    clock: Clock
    intake: Intake
    passports: Passports
    trunks: Trunks
    recheck: Callable[[PointState, float], None]  # looks at a point's age so many seconds from now
    tell: Callable[[Event], None]
    revised: Callable[[DeviceId], None]


class Keeper:
    """Keeps one device's points. `run` it; `heard` and `notified` may be called at any time."""

    def __init__(
        self, around: Surroundings, device: Device, states: Iterable[PointState], *, before: Keeper | None = None
    ) -> None:
        """`before` kept the same device, of which something is new."""
        self.device = device
        self.states = {state.point.id: state for state in states}
        self._around = around
        self._clock = around.clock
        self._polled = [state for state in self.states.values() if state.point.present]
        now = self._now()
        self.reads: Batches = before.reads if before and before.reads_like(device) else self._batches()
        self.subscriptions = Subscriptions(
            around.bacnet, device, self._polled, passports=around.passports, clock=around.clock
        )
        self.rounds = Rounds(device.id, self._polled, now)
        self.liveness: Liveness = before.liveness if before else Liveness(since=now)
        self.pulse: Pulse = before.pulse if before else Pulse(device, now)
        self.hearsay = Hearsay(self._polled, around.intake)
        self._polling = Polling(
            self.reads,
            around.intake,
            around.clock,
            answered=self._answered,
            seen=self.hearsay.seen,
            once_more=self.rounds.soon,
        )
        self._begun = False  # every point has been asked for once
        self._resting: asyncio.Future[None] | None = None
        self._last_turn = now
        self._latency = around.passports.of(device.ref).latency
        self._told_refusal = False
        self._at_fault = False  # the latest attempt ended in a fault of ours

    async def run(self) -> None:
        self._around.trunks.join(self.device.ref, self._resume)
        try:
            while True:
                try:
                    await self._turn(self._now())
                except Exception as error:  # noqa: BLE001 - whatever it is, the other devices must not notice
                    self._surprised(error)
                    await self._rest(self._now())
        finally:
            self._around.trunks.leave(self.device.ref)

    def keeps(self, device: Device, points: Iterable[Point]) -> bool:
        """Whether it is just these that it keeps, as they are."""
        mine = {state.point.id: state.point for state in self.states.values()}
        return self.device == device and mine == {point.id: point for point in points}

    def reads_like(self, device: Device) -> bool:
        mine = self.device
        return (mine.ref, mine.max_apdu, mine.reads_multiple) == (device.ref, device.max_apdu, device.reads_multiple)

    def heard(self) -> None:
        """It said something."""
        now = self._now()
        self.liveness.heard(now)
        self._around.trunks.answered(self.device.ref, now)

    def announced(self) -> None:
        """The device sent an I-Am: it may have been restarted."""
        self.heard()
        self.pulse.suspect(Suspicion.ANNOUNCED, self._now())
        self._nudge()

    def notified(self, notification: Notification) -> None:
        """A change of value, whether or not its subscription has been acknowledged yet; or a restart."""
        time = self._clock.now()
        if self.hearsay.of_restart(notification):
            self.heard()
            self.pulse.suspect(Suspicion.TOLD, time.timestamp())
            self._nudge()
            return
        state = self.hearsay.expected(notification, time.timestamp())
        if state is None:
            return
        self.heard()
        if self.hearsay.take(state, notification, time):
            self.rounds.soon(state)
            self._nudge()

    async def _turn(self, now: float) -> None:
        self._tidy(now)
        if self._next_at(now) > now:
            await self._rest(now)
            return
        try:
            requests = await self._act(now)
        except DeviceSilent as error:
            self._around.trunks.silent(self.device.ref)
            self._changed(self.liveness.silent(self._now(), asked=now), str(error))
        else:
            self._at_fault = False
            took = (self._now() - now) / requests
            self._around.trunks.answered(self.device.ref, now)
            self._note_latency(took)
            half_mute = self.subscriptions.unanswered > 0
            self._changed(self.liveness.answered(self._now(), took, half_mute=half_mute), "")

    def _next_at(self, now: float) -> float:
        if not self.liveness.answers:
            return self.liveness.probe_at
        heard = self.liveness.last_heard
        heartbeat = now if heard is None or heard > now else heard + HEARTBEAT
        subscriptions = self.subscriptions.next_at if self._begun else float("inf")
        rounds = self.rounds.next_at
        return max(self.liveness.probe_at, min(heartbeat, rounds, subscriptions, self.pulse.due, self.hearsay.next_at))

    async def _act(self, now: float) -> int:
        """Does what is most urgent; returns with how many requests. Raises DeviceSilent."""
        if not self.liveness.answers and not self._at_fault:  # after a fault only the same again tells if it is over
            return await self._sign_of_life(now)
        requests = 0
        if self.pulse.due <= now:
            requests += await self._feel(now)
        requests += await self._poll(now)
        if self._begun:
            requests += await self._subscribe_some()
        if not requests:
            requests = await self._anything(now)
        return requests

    async def _poll(self, now: float) -> int:
        soon = self.rounds.take_soon()
        if soon:
            return await self._polling.soon(soon)
        requests = 0
        if (round_ := self.rounds.due(now)) is not None:
            requests = await self._polling.poll(round_.portion())
            round_.polled(self._now())
        self._begun = self._begun or self.rounds.due(now) is None
        return requests

    async def _subscribe_some(self) -> int:
        requests = 0
        while requests < SUBSCRIBED_AT_ONCE and (state := self.subscriptions.due(self._now())) is not None:
            requests += 1
            try:
                granted = await self.subscriptions.ask(state, self._now())
            except DeviceSilent:
                # That it does not answer this is no reason to leave it alone: a poll tells.
                self._stands(state)
                return requests + await self._polling.soon([state])
            self._answered(self._now())
            self._stands(state)
            if not granted:
                self._tell_refusal()
        return requests

    async def _anything(self, now: float) -> int:
        heard = self.liveness.last_heard
        if heard is not None and heard <= now < heard + HEARTBEAT:
            return 1  # something was due that came to nothing
        if not self._polled:
            return await self._sign_of_life(now)
        return await self._polling.soon([min(self._polled, key=lambda state: state.acquired or 0.0)])

    async def _sign_of_life(self, now: float) -> int:
        if not self._around.trunks.may_ask(self.device.ref, now):
            raise DeviceSilent(f"nothing on network {self.device.ref.network} answers")
        try:
            await self._around.bacnet.read(
                self.device.ref, Property("device", self.device.ref.instance, "system-status")
            )
        except DeviceSilent:
            raise
        except DeviceError:
            pass  # a "no" is an answer too
        return 1

    async def _feel(self, now: float) -> int:
        """Whether the device has been restarted, or configured anew."""
        answers = await self.reads.read(self.pulse.wanted)
        self._answered(self._now())
        found = self.pulse.look(answers, now)
        if Found.RESTARTED in found:
            self._restarted(now)
        elif found & {Found.PERHAPS, Found.REVISED}:
            self.subscriptions.renew_all(now, certain=Found.REVISED in found)
        if Found.REVISED in found:
            _log.info("a device's configuration has changed", device=self.device.id)
            self._around.revised(self.device.id)
        return 1

    def _restarted(self, now: float) -> None:
        self._around.passports.odd(self.device.ref, Oddity.RESTARTS)
        self._event(EventKind.DEVICE_RESTARTED, f"{self.device.name} was restarted")
        self.subscriptions.renew_all(now, certain=True)
        self.rounds.all_due(now)

    def _tidy(self, now: float) -> None:
        if now < self._last_turn:
            self.subscriptions.set_back(now)
            self.hearsay.set_back()
            self.rounds.tidy(now)
            self.liveness.tidy(now)
            self.pulse.tidy(now)
        self._last_turn = now
        for state in self.subscriptions.expire(now):
            _log.info("a COV subscription ran out", point=state.point.id)
            self._stands(state)
        for state in self.hearsay.untold(now):
            if self.subscriptions.lapsed(state, now):
                _log.warning("a device forgets its subscriptions: it is polled", device=self.device.id)
                for other in self._polled:
                    self._stands(other)

    def _stands(self, state: PointState) -> None:
        """Something may have changed between the point and its subscription."""
        leaned_before = self.rounds.period_of(state) != state.period
        if leaned_before and self.rounds.placed(state, self._now()):
            self.rounds.soon(state)
        self._around.recheck(state, POLLED_AGAIN)

    def _changed(self, change: Change, why: str) -> None:
        now = self._now()
        match change:
            case Change.NONE:
                return
            case Change.FALTERED:
                _log.warning("a device does not answer", device=self.device.id, why=why)
                for state in self._polled:
                    if state.leans_on_cov:
                        self._around.recheck(state, 0.0)
                return
            case Change.LOST:
                self._event(EventKind.DEVICE_LOST, f"{self.device.name} does not answer ({why})")
                return
            case Change.RECOVERED:  # an answer was lost: no reason for a burst of requests
                _log.info("a device answers again", device=self.device.id)
                self.pulse.suspect(Suspicion.ANNOUNCED, now)
                for state in self._polled:
                    if state.age is not Age.FRESH or state.reading is None:
                        self.rounds.soon(state)
            case Change.BACK:
                _log.info("a device answers again", device=self.device.id)
                self._event(EventKind.DEVICE_BACK, f"{self.device.name} answers again")
                self.pulse.suspect(Suspicion.ANNOUNCED, now)
                self.subscriptions.renew_all(now, certain=True)
                self.rounds.all_due(now)

    def _surprised(self, error: Exception) -> None:
        if self._at_fault:
            _log.debug("a device still cannot be kept", device=self.device.id, error=repr(error))
        else:
            _log.error("a device cannot be kept: a fault of ours", device=self.device.id, exc_info=error)
        self._at_fault = True
        now = self._now()
        self._changed(self.liveness.silent(now, asked=now), f"an unexpected fault: {error!r}")

    def _answered(self, at: float) -> None:
        self.liveness.last_heard = at

    def _resume(self, at: float) -> None:
        """The way to the device's network is open again."""
        self.liveness.probe_at = min(self.liveness.probe_at, at)
        self._nudge()

    def _note_latency(self, took: float) -> None:
        self._latency = took if self._latency is None else self._latency + SMOOTHING * (took - self._latency)
        noted = self._around.passports.learned(self.device.ref).latency
        if noted is None or abs(self._latency - noted) > LATENCY_TOLD * noted:
            self._around.passports.learn(self.device.ref, latency=round(self._latency, 4))

    def _tell_refusal(self) -> None:
        if not self.subscriptions.refusal or self._told_refusal:
            return
        self._told_refusal = True
        limit = self.subscriptions.limit
        room = "for some of its points" if limit is None else f"beyond {limit} of {len(self._polled)} points"
        text = f"{self.device.name} refuses COV {room} ({self.subscriptions.refusal}): these are polled"
        self._event(EventKind.COV_REFUSED, text)

    def _event(self, kind: EventKind, text: str) -> None:
        self._around.tell(Event(kind=kind, time=self._clock.now(), about=self.device.id, text=text))

    def _nudge(self) -> None:
        if self._resting is not None:
            self._resting.cancel()

    async def _rest(self, now: float) -> None:
        """Until the next thing is due, or something happens."""
        seconds = max(SHORTEST_REST, min(self._next_at(now) - now, HEARTBEAT))
        self._resting = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((self._resting,))
        finally:
            self._resting.cancel()
            self._resting = None

    def _batches(self) -> Batches:
        device = self.device
        return Batches(
            self._around.bacnet,
            device.ref,
            max_apdu=device.max_apdu,
            reads_multiple=device.reads_multiple,
            passports=self._around.passports,
            clock=self._clock,
        )

    def _now(self) -> float:
        return self._clock.now().timestamp()
