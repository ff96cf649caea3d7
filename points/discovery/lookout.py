"""For whom to look out of turn: strangers who announce themselves, and devices that do not answer any more. Pure.

However many I-Ams come, there is a look once in a while, at some of them, and at each of them rarely: who cannot
be read is no reason to look again and again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from points.discovery.plan import DiscoveryPlan
from points.model import Device, DeviceRef

BETWEEN = timedelta(minutes=3)  # two looks; what comes in between waits for the next
LOST_AGAIN = timedelta(minutes=10)  # a device that does not answer is looked for so often
STRANGER_AGAIN = timedelta(hours=1)  # who was looked for and is still not known: so often
AT_ONCE = 256  # strangers that wait for a look; more is no building but a flood


class Lookout:
    """Remembers who was looked for, and when."""

    def __init__(self, plan: DiscoveryPlan) -> None:
        self._ranges = plan.ranges
        self._announced: set[DeviceRef] = set()
        self._latest: datetime | None = None
        self._looked_for: dict[DeviceRef, datetime] = {}

    def announced(self, device: DeviceRef, known: Collection[DeviceRef], now: datetime) -> None:
        """An I-Am that we did not ask for."""
        if device in known or len(self._announced) >= AT_ONCE:
            return
        if any(low <= device.instance <= high for low, high in self._ranges) and self._may(device, STRANGER_AGAIN, now):
            self._announced.add(device)

    def wanted(self, lost: Iterable[Device], known: Collection[DeviceRef], now: datetime) -> set[int]:
        """The instances to look for now. Whoever asks looks for them."""
        if self._latest is not None and timedelta() <= now - self._latest < BETWEEN:
            return set()
        strangers = {ref for ref in self._announced if ref not in known}
        gone = {device.ref for device in lost if self._may(device.ref, LOST_AGAIN, now)}
        self._announced.clear()
        sought = strangers | gone
        if sought:
            self._latest = now
            self._looked_for = _recent(self._looked_for, now) | dict.fromkeys(sought, now)
        return {ref.instance for ref in sought}

    def looked(self, now: datetime) -> None:
        """A look at everything has ended."""
        self._latest = now

    def _may(self, device: DeviceRef, again: timedelta, now: datetime) -> bool:
        before = self._looked_for.get(device)
        return before is None or not timedelta() <= now - before < again


def _recent(times: Mapping[DeviceRef, datetime], now: datetime) -> dict[DeviceRef, datetime]:
    return {ref: time for ref, time in times.items() if timedelta() <= now - time < STRANGER_AGAIN}
