"""One device kept fresh, with patience when it is silent.

One thing at a time. A device that does not answer is asked for nothing but a sign of life; one of
which nothing was heard for a while is asked for one value. A fault of ours at one device costs that
device only: it is treated as if the device were silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from points.bacnet.port import Notification, Property
from points.errors import DeviceError, DeviceSilent
from points.freshness.liveness import Change, Liveness
from points.freshness.pulse import Suspicion
from points.freshness.states import PointState
from points.freshness.work import Surroundings, Work
from points.model import Device, EventKind, Point

HEARTBEAT = 30.0  # seconds; a device of which we heard nothing for so long is asked for something
SHORTEST_REST = 0.001  # seconds; a clock has steps, and what is due within one is not waited for in circles

_log = structlog.get_logger(__name__)


class Keeper:
    """Keeps one device's points. `run` it; `heard`, `announced` and `notified` may be called at any time."""

    def __init__(
        self, around: Surroundings, device: Device, states: Iterable[PointState], *, before: Keeper | None = None
    ) -> None:
        """`before` kept the same device, of which something is new."""
        self.device = device
        self.states = {state.point.id: state for state in states}
        self._around = around
        self._polled = [state for state in self.states.values() if state.point.present]
        self.liveness: Liveness = before.liveness if before else Liveness(since=self._now())
        self.work: Work = Work(
            around, device, self._polled, answered=self._answered, before=before.work if before else None
        )
        self._resting: asyncio.Future[None] | None = None
        self._last_turn = self._now()
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

    def heard(self) -> None:
        """The device said something."""
        now = self._now()
        self.liveness.heard(now)
        self._around.trunks.answered(self.device.ref, now)

    def announced(self) -> None:
        """The device sent an I-Am: it may have been restarted."""
        self.heard()
        self.work.pulse.suspect(Suspicion.ANNOUNCED, self._now())
        self._nudge()

    def notified(self, notification: Notification) -> None:
        """A change of value, whether or not its subscription has been acknowledged yet; or a restart."""
        if self.work.notified(notification):
            self.heard()
            if not self.liveness.answers or self.work.next_at <= self._now():
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
            return
        if not requests:
            await self._rest(now)
            return
        self._at_fault = False
        took = self._around.bacnet.took(self.device.ref) or 0.0
        self._around.trunks.answered(self.device.ref, now)
        half_mute = self.work.subscriptions.unanswered > 0
        self._changed(self.liveness.answered(self._now(), took, half_mute=half_mute), "")

    def _next_at(self, now: float) -> float:
        if not self.liveness.answers:
            return self.liveness.probe_at
        return max(self.liveness.probe_at, min(self._heartbeat(now), self.work.next_at))

    def _heartbeat(self, now: float) -> float:
        heard = self.liveness.last_heard
        return now if heard is None or heard > now else heard + HEARTBEAT

    async def _act(self, now: float) -> int:
        """Does what is most urgent; returns with how many requests. Raises DeviceSilent."""
        if not self.liveness.answers and not self._at_fault:  # after a fault only the same again tells if it is over
            return await self._sign_of_life(now)
        requests = await self.work.some(now)
        if requests or self._heartbeat(now) > now:
            return requests
        return await (self.work.oldest() if self._polled else self._sign_of_life(now))

    async def _sign_of_life(self, now: float) -> int:
        device = self.device.ref
        if not self._around.trunks.may_ask(device, now):
            raise DeviceSilent(f"nothing on network {device.network} answers")
        try:
            await self._around.bacnet.read(device, Property("device", device.instance, "system-status"))
        except DeviceSilent:
            raise
        except DeviceError:
            pass  # a "no" is an answer too
        return 1

    def _tidy(self, now: float) -> None:
        if now < self._last_turn:
            self.work.set_back(now)
            self.liveness.tidy(now)
        self._last_turn = now
        self.work.tidy(now)

    def _changed(self, change: Change, why: str) -> None:
        match change:
            case Change.NONE:
                pass
            case Change.FALTERED:
                _log.warning("a device does not answer", device=self.device.id, why=why)
                self.work.faltered()
            case Change.LOST:
                self._around.event(EventKind.DEVICE_LOST, self.device, f"{self.device.name} does not answer ({why})")
            case Change.RECOVERED:
                _log.info("a device answers again", device=self.device.id)
                self.work.recovered(self._now())
            case Change.BACK:
                _log.info("a device answers again", device=self.device.id)
                self._around.event(EventKind.DEVICE_BACK, self.device, f"{self.device.name} answers again")
                self.work.back(self._now())

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

    def _nudge(self) -> None:
        if self._resting is not None:
            self._resting.cancel()

    async def _rest(self, now: float) -> None:
        """Until the next thing is due, or something happens."""
        seconds = max(SHORTEST_REST, min(self._next_at(now) - now, HEARTBEAT))
        self._resting = asyncio.ensure_future(self._around.clock.sleep(seconds))
        try:
            await asyncio.wait((self._resting,))
        finally:
            self._resting.cancel()
            self._resting = None

    def _now(self) -> float:
        return self._around.clock.now().timestamp()
