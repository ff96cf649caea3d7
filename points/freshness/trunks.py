"""Networks behind a router: when all of one fall silent, it is the way there that is asked for.

While three devices or more of a network are silent and none answers, one request per interval goes
out to that network, whoever comes first. As soon as one answers all are asked again, spread over a
few seconds. The local network has no router that could fail.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from points.bacnet.addresses import LOCAL
from points.freshness.liveness import FIRST_RETRY, LONGEST_RETRY
from points.model import DeviceRef

DARK_FROM = 3  # silent devices
RESUMED_WITHIN = 5.0  # seconds


@dataclass(slots=True)
class _Trunk:
    """One network."""

    resume: dict[DeviceRef, Callable[[float], None]] = field(default_factory=dict)  # of every device
    silent: set[DeviceRef] = field(default_factory=set)
    interval: float = FIRST_RETRY
    probe_at: float = 0.0

    @property
    def dark(self) -> bool:
        return len(self.silent) >= DARK_FROM and len(self.silent) == len(self.resume)


class Trunks:
    """All remote networks on which devices are kept."""

    def __init__(self) -> None:
        self._trunks: dict[int, _Trunk] = {}

    def join(self, device: DeviceRef, resume: Callable[[float], None]) -> None:
        """`resume` is told until when the device should have been asked again."""
        if device.network != LOCAL:
            self._trunks.setdefault(device.network, _Trunk()).resume[device] = resume

    def leave(self, device: DeviceRef) -> None:
        if (trunk := self._trunks.get(device.network)) is not None:
            trunk.resume.pop(device, None)
            trunk.silent.discard(device)

    def may_ask(self, device: DeviceRef, now: float) -> bool:
        """Whether a silent device may be asked for a sign of life. A yes is meant to be used."""
        trunk = self._trunks.get(device.network)
        if trunk is None or not trunk.dark:
            return True
        if now < trunk.probe_at <= now + LONGEST_RETRY:  # further away only when the clock was set back
            return False
        trunk.probe_at = now + trunk.interval
        trunk.interval = min(2 * trunk.interval, LONGEST_RETRY)
        return True

    def silent(self, device: DeviceRef) -> None:
        if (trunk := self._trunks.get(device.network)) is not None:
            trunk.silent.add(device)

    def answered(self, device: DeviceRef, now: float) -> None:
        trunk = self._trunks.get(device.network)
        if trunk is None or device not in trunk.silent:
            return
        was_dark = trunk.dark
        trunk.silent.discard(device)
        if was_dark:
            trunk.interval, trunk.probe_at = FIRST_RETRY, 0.0
            for other in trunk.silent:
                trunk.resume[other](now + random.uniform(0, RESUMED_WITHIN))
