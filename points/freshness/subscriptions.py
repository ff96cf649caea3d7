"""The COV subscriptions of one device: which, until when, and how many it grants.

The most urgent points come first. Each is renewed at half its life, by us, with time left to try
again. A device that has no more room is believed, and asked again only after a long while.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import structlog

from points.bacnet.port import Bacnet
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.freshness.states import Cov, PointState
from points.model import Device

LIFETIME = 300  # seconds; short enough that a device's reboot costs little, never 0 (for ever)
RENEW_AT = LIFETIME / 2
PROCESS = 17_001  # ours; the same after a restart, so that old subscriptions are renewed and not added to
RETRY_REFUSED = 3600.0  # seconds before asking again for what was refused
RESUBSCRIBE_SPACING = 30.0  # seconds; an I-Am may mean a reboot, or only that somebody asked

# The device has no more room, or does not know the service: no need to ask for the other points.
_NO_ROOM = frozenset({"no-space-to-add-list-element", "no-space-for-object", "out-of-resources", "buffer-overflow"})
_NO_SERVICE = frozenset({"unrecognized-service", "service-request-denied"})

_log = structlog.get_logger(__name__)


class Subscriptions:
    """Belongs to one keeper, which gives it time."""

    def __init__(self, bacnet: Bacnet, device: Device, states: Iterable[PointState]) -> None:
        self._bacnet = bacnet
        self._device = device
        self._states = sorted(states, key=lambda state: (state.deadline, state.point.id))
        self._renewed_all = float("-inf")
        self.limit: int | None = None  # what the device was found to grant; None: no end seen
        self.refusal = ""  # its code, the first time it refused
        for state in self._states:
            state.cov = Cov.WANTED if device.serves_cov else Cov.NEVER

    @property
    def held(self) -> int:
        return sum(state.cov is Cov.HELD for state in self._states)

    @property
    def next_at(self) -> float:
        """When there is something to do."""
        return min((state.renew_at for state in self._states if state.cov is not Cov.NEVER), default=float("inf"))

    def due(self, now: float) -> PointState | None:
        """The most urgent point to subscribe to or renew now."""
        return next((s for s in self._states if s.cov is not Cov.NEVER and s.renew_at <= now), None)

    async def ask(self, state: PointState, now: float) -> bool:
        """Subscribes or renews; True if granted. Raises DeviceSilent, having arranged for the next try."""
        try:
            await self._bacnet.subscribe(state.point.ref, process=PROCESS, lifetime=LIFETIME, confirmed=state.critical)
        except DeviceSilent:
            state.renew_at = now  # as soon as the device answers again
            raise
        except (DeviceRefused, ProtocolError) as error:
            self._refused(state, error, now)
            return False
        state.cov = Cov.HELD
        state.renew_at = now + RENEW_AT
        state.expires_at = now + LIFETIME
        if self.limit is not None:
            self.limit = max(self.limit, self.held)
        return True

    def expire(self, now: float) -> list[PointState]:
        """Those whose life ended without renewal; they are polled until they are granted again."""
        for state in self._states:
            if state.cov is Cov.HELD and state.renew_at - now > LIFETIME:  # the clock was set back
                state.renew_at = now
            state.renew_at = min(state.renew_at, now + RETRY_REFUSED)
            state.expires_at = min(state.expires_at, now + LIFETIME)
        expired = [state for state in self._states if state.cov is Cov.HELD and state.expires_at <= now]
        for state in expired:
            state.cov = Cov.WANTED
        return expired

    def renew_all(self, now: float, *, certain: bool) -> None:
        """The device may have forgotten us. `certain`: it was away; otherwise it only announced itself."""
        if not certain and 0 <= now - self._renewed_all < RESUBSCRIBE_SPACING:
            return
        self._renewed_all = now
        for state in self._states:
            if state.cov is Cov.HELD:
                state.renew_at = now

    async def end(self) -> None:
        """Gives back what the device has granted; what it does not take back ends by itself."""
        for state in self._states:
            if state.cov is Cov.HELD:
                state.cov = Cov.WANTED
                with suppress(DeviceError):
                    await self._bacnet.unsubscribe(state.point.ref, process=PROCESS)

    def _refused(self, state: PointState, error: DeviceRefused | ProtocolError, now: float) -> None:
        code = error.code if isinstance(error, DeviceRefused) else "protocol-error"
        self.refusal = self.refusal or code
        _log.debug("COV refused", point=state.point.id, code=code)
        state.cov = Cov.REFUSED
        state.renew_at = now + RETRY_REFUSED
        if code not in _NO_ROOM | _NO_SERVICE:
            return  # this object only
        self.limit = 0 if code in _NO_SERVICE else self.held
        for other in self._states:
            if other.cov in (Cov.WANTED, Cov.REFUSED):
                other.cov = Cov.REFUSED
                other.renew_at = now + RETRY_REFUSED
