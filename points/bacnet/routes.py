"""Which router leads to which network, as its datagrams show.

A router that is heard keeps its networks: nobody else's datagrams take them away. One that was silent
for a while gives way to the next that is heard, and can be forgotten so that it is looked for anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from points.bacnet.datagrams import Sender

SILENT = 60.0  # seconds without a datagram from behind it; then another may be the router now

_log = structlog.get_logger(__name__)


class Routes:
    """All routers of one stack. `known`: from an earlier life; believed until another one is heard."""

    def __init__(self, known: Mapping[int, Sender], learned: Callable[[int, Sender], None]) -> None:
        self._routers = dict(known)
        self._heard: dict[int, float] = {}
        self._learned = learned
        self.contested = 0  # datagrams from a network by another router than the one that is heard

    def to(self, network: int) -> Sender | None:
        return self._routers.get(network)

    def hear(self, network: int, router: Sender, now: float) -> bool:
        """A datagram came from that network by that router; True if it is the router from now on, and was not."""
        before = self._routers.get(network)
        if before == router:
            self._heard[network] = now
            return False
        if before is not None and not self.is_silent(network, now):
            self.contested += 1
            return False
        if before is not None:
            _log.warning("another router leads to a network", network=network, before=before, now=router)
        self._routers[network] = router
        self._heard[network] = now
        self._learned(network, router)
        return True

    def is_silent(self, network: int, now: float) -> bool:
        return now - self._heard.get(network, float("-inf")) > SILENT

    def forget(self, network: int) -> None:
        """It has to be looked for."""
        self._routers.pop(network, None)
