"""The COV subscriptions of one device: which, until when, and how many it grants.

The most urgent points come first. Each is renewed at half its life, by us, with time left to try
again; a renewal without answer makes the point a polled one at once. A device that has no more room
is believed, also after a restart of ours, and asked again only after a long while. One whose
subscriptions prove silent again and again is not relied upon.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

import structlog

from points.bacnet.port import Bacnet
from points.clock import Clock
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.freshness.agenda import Agenda
from points.freshness.states import Cov, PointState, phase_of
from points.model import Device, DeviceId
from points.passport import Oddity, Passports

LIFETIME = 900  # seconds; short enough that a forgotten one ends soon, never 0 (for ever)
RENEW_AT, SPREAD = LIFETIME / 2, 0.2  # seconds; devices subscribed to at once are renewed up to this part earlier
PROCESS = 17_001  # ours; the same after a restart, so that old subscriptions are renewed and not added to
RETRY_REFUSED = 86_400.0  # seconds before asking again for what was refused
RETRY_CROWDED = LIFETIME + 60.0  # seconds; then what an earlier life of ours held there has ended
CROWDED = 2  # refusals in a row where there should be room: there is no more
RESUBSCRIBE_SPACING = 30.0  # seconds; an I-Am may mean a reboot, or only that somebody asked
FIRST_BREATH, LONGEST_BREATH = 5.0, LIFETIME / 4  # seconds after an unanswered request, doubled each time
MUTE_FROM = 3  # unanswered requests in a row of a device that answers others
LAPSES, LAPSES_WITHIN = 3, 3600.0  # so many silent subscriptions within so many seconds are a habit
ONE_LAPSE = 60.0  # seconds; what several points show within this is one lapse of their device
TRUSTED_AGAIN = 86_400.0  # seconds

# The device has no more room, or does not know the service: no need to ask for the other points.
_NO_ROOM = frozenset({"no-space-to-add-list-element", "no-space-for-object", "out-of-resources", "buffer-overflow"})
_NO_SERVICE = frozenset({"unrecognized-service", "service-request-denied"})

_log = structlog.get_logger(__name__)


def renewed_after(device: DeviceId) -> float:
    """When this device's subscriptions are renewed: at half their life, some sooner, never all devices' at once."""
    return RENEW_AT * (1 - phase_of(device, SPREAD))


class Subscriptions:
    """Belongs to one keeper, which gives it time."""

    def __init__(
        self, bacnet: Bacnet, device: Device, states: Iterable[PointState], *, passports: Passports, clock: Clock
    ) -> None:
        self._bacnet = bacnet
        self._device = device.ref
        self._renew_after = renewed_after(device.id)
        self._passports = passports
        self._clock = clock
        self._states = sorted(states, key=lambda state: (state.deadline, state.point.id))
        self._rank = {state: rank for rank, state in enumerate(self._states)}
        self._renewals: Agenda[PointState] = Agenda()
        self._ends: Agenda[PointState] = Agenda()
        self._ready: list[tuple[int, PointState]] = []  # whose renewal is due, the most urgent first
        self._beyond: dict[PointState, None] = {}  # for which there is no room, the most urgent first
        self._displaced: set[PointState] = set()  # which run out, and make room for more urgent ones
        self._doubtful: list[PointState] = []
        self._crowded = 0
        self._not_before = float("-inf")
        self._renewed_all = float("-inf")
        self._lapses: deque[float] = deque()
        self._distrusted_until = float("-inf")
        self.held = 0
        self.leaned_on = 0  # points that are polled rarely, because a subscription stands for them
        self.unanswered = 0  # requests in a row
        self.refusal = ""  # its code, the first time it refused
        self._begin(device)

    @property
    def limit(self) -> int | None:
        """How many the device was found to grant; None: no end seen."""
        return self._passports.of(self._device).cov_slots

    @property
    def next_at(self) -> float:
        """When there is something to do."""
        asks = float("-inf") if self._ready else self._renewals.next_at
        return min(max(asks, self._not_before), self._ends.next_at)

    def due(self, now: float) -> PointState | None:
        """The most urgent point to subscribe to or renew now."""
        if now < self._not_before:
            return None
        for state in self._renewals.take(now):
            heapq.heappush(self._ready, (self._rank[state], state))
            if self.unanswered:
                self._doubt(state)
        while self._ready:
            _, state = heapq.heappop(self._ready)
            if state not in self._renewals:  # otherwise it was arranged anew since
                return state
        return None

    async def ask(self, state: PointState, now: float) -> bool:
        """Subscribes or renews; True if granted. Raises DeviceSilent, having arranged for the next try."""
        state.listens_until = max(state.listens_until, now + LIFETIME)  # it may notify before it acknowledges
        try:
            await self._bacnet.subscribe(state.point.ref, process=PROCESS, lifetime=LIFETIME, confirmed=state.critical)
        except DeviceSilent:
            self._unanswered(state)
            raise
        except (DeviceRefused, ProtocolError) as error:
            self._answered()
            self._refused(state, error, now)
            return False
        self._answered()
        self._granted(state, now)
        return True

    def doubtful(self) -> list[PointState]:
        """Those of which, since this was last asked, it has become doubtful that they are renewed in time."""
        doubtful, self._doubtful = self._doubtful, []
        return doubtful

    def expire(self, now: float) -> list[PointState]:
        """Those whose life ended without renewal; they are polled until they are granted again."""
        expired = self._ends.take(now)
        for state in expired:
            self._lose(state)
            if state in self._displaced or (self.limit is not None and self.held >= self.limit):
                self._displaced.discard(state)
                self._set_aside(state, now)
            else:
                self._renewals.put(state, now)
        return expired

    def set_back(self, now: float) -> None:
        """The clock was set back."""
        self._renewals.hasten(now + RETRY_REFUSED)
        for state in self._ends:
            if state not in self._displaced:
                self._renewals.put(state, now)
            state.expires_at = min(state.expires_at, now + LIFETIME)
            state.listens_until = min(state.listens_until, now + LIFETIME)
            self._ends.put(state, state.expires_at)
        self._not_before = min(self._not_before, now + LONGEST_BREATH)
        self._distrusted_until = min(self._distrusted_until, now + TRUSTED_AGAIN)
        self._lapses.clear()

    def renew_all(self, now: float, *, certain: bool) -> None:
        """The device may have forgotten us. `certain`: it was away; otherwise it only announced itself."""
        if not certain and 0 <= now - self._renewed_all < RESUBSCRIBE_SPACING:
            return
        self._renewed_all = now
        self._not_before = float("-inf")
        for state in self._ends:
            if state not in self._displaced:
                self._renewals.put(state, now)

    def lapsed(self, state: PointState, now: float) -> bool:
        """A poll saw what the subscription should have told. True if the device is relied upon no more."""
        if state.cov is not Cov.HELD:
            return False
        self._renewals.put(state, now)
        if self._lapses and 0 <= now - self._lapses[-1] < ONE_LAPSE:
            return False
        self.renew_all(now, certain=False)
        self._lapses.append(now)
        while self._lapses[0] < now - LAPSES_WITHIN:
            self._lapses.popleft()
        if len(self._lapses) < LAPSES or now < self._distrusted_until:
            return False
        self._passports.odd(self._device, Oddity.FORGETS_COV)
        self._distrusted_until = now + TRUSTED_AGAIN
        for other in self._states:
            self._vouch(other, vouched=False)
        return True

    async def end(self) -> None:
        """Gives back what the device has granted; what it does not take back ends by itself."""
        for state in self._states:
            if state.cov is Cov.HELD:
                self._lose(state)
                with suppress(DeviceError):
                    await self._bacnet.unsubscribe(state.point.ref, process=PROCESS)

    def _begin(self, device: Device) -> None:
        now = self._clock.now().timestamp()
        if Oddity.FORGETS_COV in self._passports.of(self._device).oddities:
            self._distrusted_until = now + TRUSTED_AGAIN
        serves = device.serves_cov or bool(self._passports.overruled(self._device).get("cov_slots"))
        room = float("inf") if self.limit is None else self.limit
        for state in self._states:
            held = state.cov is Cov.HELD and now < state.expires_at <= now + LIFETIME
            if held and serves:
                self.held += 1
                self._ends.put(state, state.expires_at)
            state.vouched = state.vouched and held
            if not serves:
                state.cov = Cov.NEVER
            elif room > 0:
                room -= 1
                state.cov = Cov.HELD if held else Cov.WANTED
                self._renewals.put(state, state.expires_at - LIFETIME + self._renew_after if held else now)
            elif held:
                self._displaced.add(state)
            else:
                self._set_aside(state, now)
        self.leaned_on = sum(state.leans_on_cov for state in self._states)

    def _vouch(self, state: PointState, *, vouched: bool) -> None:
        self.leaned_on -= state.leans_on_cov
        state.vouched = vouched
        self.leaned_on += state.leans_on_cov

    def _granted(self, state: PointState, now: float) -> None:
        self._crowded = 0
        self._beyond.pop(state, None)
        if state.cov is not Cov.HELD:
            state.cov = Cov.HELD
            self.held += 1
        self._vouch(state, vouched=now >= self._distrusted_until)
        state.expires_at = state.listens_until = now + LIFETIME
        self._renewals.put(state, now + self._renew_after)
        self._ends.put(state, state.expires_at)
        limit = self.limit
        if limit is not None and self.held > limit:
            self._passports.learn(self._device, cov_slots=self.held)

    def _lose(self, state: PointState) -> None:
        if state.cov is Cov.HELD:
            self.held -= 1
        self._vouch(state, vouched=False)
        state.cov = Cov.WANTED
        state.listens_until = 0.0
        self._ends.drop(state)

    def _answered(self) -> None:
        self.unanswered = 0
        self._not_before = float("-inf")

    def _unanswered(self, state: PointState) -> None:
        now = self._clock.now().timestamp()
        self._not_before = now + min(LONGEST_BREATH, FIRST_BREATH * 2 ** min(self.unanswered, 10))
        self.unanswered += 1
        for doubtful in (state, *(other for _, other in self._ready)):
            self._doubt(doubtful)
        self._renewals.put(state, now)
        if self.unanswered >= MUTE_FROM:
            self._passports.odd(self._device, Oddity.SILENT_RENEWAL)

    def _doubt(self, state: PointState) -> None:
        if state.vouched:
            self._vouch(state, vouched=False)
            self._doubtful.append(state)

    def _refused(self, state: PointState, error: DeviceRefused | ProtocolError, now: float) -> None:
        code = error.code if isinstance(error, DeviceRefused) else "protocol-error"
        self.refusal = self.refusal or code
        _log.debug("COV refused", point=state.point.id, code=code)
        self._lose(state)
        state.cov = Cov.REFUSED
        limit = self.limit
        if code in _NO_SERVICE:
            self._full(0, now)
            return
        if code in _NO_ROOM:
            self._crowded += 1
            if limit is None or self.held - len(self._displaced) >= limit or self._crowded >= CROWDED:
                self._full(self.held, now)
                return
            self._renewals.put(state, now + RETRY_CROWDED)
            return
        self._renewals.put(state, now + RETRY_REFUSED)  # this object only: another may have its place
        if limit is not None and self._beyond and state not in self._beyond:
            other = next(iter(self._beyond))
            del self._beyond[other]
            other.cov = Cov.WANTED
            self._renewals.put(other, now)

    def _full(self, slots: int, now: float) -> None:
        self._passports.learn(self._device, cov_slots=slots)
        self._crowded = 0
        self._ready.clear()
        for state in self._states:
            if state.cov in (Cov.WANTED, Cov.REFUSED):
                self._set_aside(state, now)
            elif state.cov is Cov.HELD and state not in self._renewals and state not in self._displaced:
                self._renewals.put(state, now)  # it was ready to be renewed

    def _set_aside(self, state: PointState, now: float) -> None:
        """There is no room for it, until it is asked for again; never, if the site says how many there are."""
        state.cov = Cov.REFUSED
        self._beyond[state] = None
        if "cov_slots" in self._passports.overruled(self._device):
            self._renewals.drop(state)
        else:
            self._renewals.put(state, now + RETRY_REFUSED)
