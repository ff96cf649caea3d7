"""What is done with a device that answers: polled, subscribed to, and felt for signs of a restart.

The most urgent first: polls, and between two of them some subscriptions. At the beginning every
point is polled once before anything is subscribed to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from points.bacnet.batches import Batches
from points.bacnet.port import Bacnet, Notification
from points.clock import Clock
from points.errors import DeviceSilent
from points.freshness.agenda import NEVER
from points.freshness.hearsay import Hearsay
from points.freshness.intake import Intake
from points.freshness.polling import Polling
from points.freshness.pulse import Found, Pulse, Suspicion
from points.freshness.rounds import Rounds
from points.freshness.states import Age, PointState
from points.freshness.subscriptions import Subscriptions
from points.freshness.trunks import Trunks
from points.model import Device, DeviceId, Event, EventKind
from points.passport import Oddity, Passports

SUBSCRIBED_AT_ONCE = 16  # points, between two polls: neither may starve the other
BREATH = 1.0  # seconds after so many
POLLED_AGAIN = 3.0  # seconds that a point has to be polled in once its subscription stands for it no more
RESTARTED_TOGETHER = 5.0  # seconds that devices of one power supply are polled again over

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
    told: Callable[[DeviceId, Mapping[str, str]], None]  # who the device says it is, when that is new

    def event(self, kind: EventKind, device: Device, text: str) -> None:
        self.tell(Event(kind=kind, time=self.clock.now(), about=device.id, text=text))


class Work:
    """Belongs to one keeper."""

    def __init__(
        self,
        around: Surroundings,
        device: Device,
        states: Iterable[PointState],
        *,
        answered: Callable[[float], None],
        before: Work | None,
    ) -> None:
        self._around = around
        self.device = device
        self._states = list(states)
        self._answered = answered
        now = self._now()
        self.reads = self._batches(before)
        self.subscriptions = Subscriptions(
            around.bacnet, device, self._states, passports=around.passports, clock=around.clock
        )
        self.rounds = Rounds(device.id, self._states, now)
        self.pulse: Pulse = before.pulse if before else Pulse(device, now, around.passports.of(device.ref).lacks)
        self.hearsay = Hearsay(self._states, around.intake)
        self._polling = Polling(
            self.reads,
            around.intake,
            around.clock,
            answered=answered,
            seen=self.hearsay.seen,
            once_more=self.rounds.soon,
        )
        self._begun = False  # every point has been asked for once
        self._subscribe_at = now
        self._told_refusal = False

    @property
    def next_at(self) -> float:
        """When there is something to do."""
        subscriptions = max(self._subscribe_at, self.subscriptions.next_at) if self._begun else NEVER
        return min(self.rounds.next_at, subscriptions, self.pulse.due, self.hearsay.next_at)

    @property
    def polled(self) -> int:
        """Points that no subscription stands for."""
        return len(self._states) - self.subscriptions.leaned_on

    async def some(self, now: float) -> int:
        """Does what is most urgent; says with how many requests. Raises DeviceSilent."""
        requests = 0
        if self.pulse.due <= now:
            requests += await self._feel(now)
        requests += await self._poll(now)
        if self._begun and self._subscribe_at <= now:
            requests += await self._subscribe()
        return requests

    async def oldest(self) -> int:
        """Asks for the oldest value, to hear something of the device. Not for devices without points."""
        return await self._polling.soon([min(self._states, key=lambda state: state.acquired or 0.0)])

    def tidy(self, now: float) -> None:
        """What has come to an end by itself."""
        for state in self.subscriptions.expire(now):
            _log.info("a COV subscription ran out", point=state.point.id)
            self._stands(state)
        for state in self.hearsay.untold(now):
            if self.subscriptions.lapsed(state, now):
                _log.warning("a device forgets its subscriptions: it is polled", device=self.device.id)
                for other in self._states:
                    self._stands(other)

    def set_back(self, now: float) -> None:
        """The clock was set back."""
        self.subscriptions.set_back(now)
        self.hearsay.set_back()
        self.rounds.tidy(now)
        self.pulse.tidy(now)
        self._subscribe_at = now

    def notified(self, notification: Notification) -> bool:
        """Takes what it says; True if it is of any use."""
        time = self._around.clock.now()
        if self.hearsay.of_restart(notification):
            self.pulse.suspect(Suspicion.TOLD, time.timestamp())
            return True
        state = self.hearsay.expected(notification, time.timestamp())
        if state is None:
            return False
        if self.hearsay.take(state, notification, time):
            self.rounds.soon(state)
        return True

    def faltered(self) -> None:
        """The device does not answer: no subscription stands for a value now."""
        for state in self._states:
            if state.leans_on_cov:
                self._around.recheck(state, 0.0)

    def recovered(self, now: float) -> None:
        """An answer was lost: no reason for a burst of requests."""
        self.pulse.suspect(Suspicion.ANNOUNCED, now)
        for state in self._states:
            if state.age is not Age.FRESH or state.reading is None:
                self.rounds.soon(state)

    def back(self, now: float) -> None:
        """The device was away."""
        self.pulse.suspect(Suspicion.ANNOUNCED, now)
        self.subscriptions.renew_all(now, certain=True)
        self.rounds.all_due(now)

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

    async def _subscribe(self) -> int:
        requests = 0
        while requests < SUBSCRIBED_AT_ONCE and (state := self.subscriptions.due(self._now())) is not None:
            requests += 1
            try:
                granted = await self.subscriptions.ask(state, self._now())
            except DeviceSilent:
                # That it does not answer this is no reason to leave it alone: a poll tells.
                for doubtful in self.subscriptions.doubtful():
                    self._stands(doubtful)
                return requests + await self._polling.soon([state])
            self._answered(self._now())
            self._stands(state)
            if not granted:
                self._tell_refusal()
        if requests >= SUBSCRIBED_AT_ONCE:
            self._subscribe_at = self._now() + BREATH
        return requests

    async def _feel(self, now: float) -> int:
        """Whether the device has been restarted, or configured anew."""
        try:
            answers = await self.reads.read(self.pulse.wanted)
        except DeviceSilent:
            self.pulse.unanswered(now)
            if not self._states:
                raise
            return 1 + await self.oldest()  # whether it is silent or only does not answer this
        self._answered(self._now())
        found = self.pulse.look(answers, now)
        self._around.passports.learn(self.device.ref, lacks=self.pulse.lacks)
        if Found.RESTARTED in found:
            self._around.passports.odd(self.device.ref, Oddity.RESTARTS)
            self._around.event(EventKind.DEVICE_RESTARTED, self.device, f"{self.device.name} was restarted")
            self.rounds.all_due(now, within=RESTARTED_TOGETHER)
        if forgotten := found - {Found.NOTHING, Found.OTHER}:
            self.subscriptions.renew_all(now, certain=forgotten != {Found.PERHAPS})
        if Found.REVISED in found:
            _log.info("a device's configuration has changed", device=self.device.id)
            self._around.revised(self.device.id)
        if Found.OTHER in found:
            _log.warning("a device says that it is another", device=self.device.id, told=self.pulse.told)
            self._around.told(self.device.id, self.pulse.told)
        return 1

    def _stands(self, state: PointState) -> None:
        """Something may have changed between the point and its subscription."""
        if self.rounds.placed(state, self._now()):
            self.rounds.soon(state)
        self._around.recheck(state, POLLED_AGAIN)

    def _tell_refusal(self) -> None:
        if not self.subscriptions.refusal or self._told_refusal:
            return
        self._told_refusal = True
        limit = self.subscriptions.limit
        room = "for some of its points" if limit is None else f"beyond {limit} of {len(self._states)} points"
        text = f"{self.device.name} refuses COV {room} ({self.subscriptions.refusal}): these are polled"
        self._around.event(EventKind.COV_REFUSED, self.device, text)

    def _batches(self, before: Work | None) -> Batches:
        new = self.device
        if before is not None:
            old = before.device
            if (old.ref, old.max_apdu, old.reads_multiple) == (new.ref, new.max_apdu, new.reads_multiple):
                return before.reads
        return Batches(
            self._around.bacnet,
            new.ref,
            max_apdu=new.max_apdu,
            reads_multiple=new.reads_multiple,
            passports=self._around.passports,
            clock=self._around.clock,
        )

    def _now(self) -> float:
        return self._around.clock.now().timestamp()
