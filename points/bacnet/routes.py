"""Which router leads to which network.

Any datagram from a network may show a router where none is known. What counts is answers to requests
of ours: a router through which they come keeps its network, whatever others send; one through which
none came for a while gives way to the next that shows itself, or is forgotten and looked for. One that
was found wanting is not believed again until an answer comes through it, or time has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from points.bacnet.datagrams import Sender

SILENT = 60.0  # seconds without an answer through it; then another may be the router now
DISBELIEVED = 600.0  # seconds

_log = structlog.get_logger(__name__)


class Routes:
    """All routers of one stack. `known`: from an earlier life; believed until it is found wanting."""

    def __init__(self, known: Mapping[int, Sender], learned: Callable[[int, Sender], None]) -> None:
        self._routers = dict(known)
        self._noted = dict(known)
        self._answered: dict[int, float] = {}
        self._disbelieved: dict[int, tuple[Sender, float]] = {}
        self._learned = learned
        self.contested = 0  # datagrams from a network by another router than the one that is believed

    def to(self, network: int) -> Sender | None:
        return self._routers.get(network)

    def hear(self, network: int, router: Sender, now: float) -> None:
        """A datagram came from that network by that router."""
        before = self._routers.get(network)
        if before == router:
            return
        wanting, until = self._disbelieved.get(network, (None, 0.0))
        if (router == wanting and now < until) or (before is not None and not self.is_silent(network, now)):
            self.contested += 1
            return
        if before is not None:
            _log.warning("another router leads to a network", network=network, before=before, now=router)
        self._routers[network] = router

    def prove(self, network: int, router: Sender, now: float) -> None:
        """An answer to a request of ours came from there by that router."""
        self._answered[network] = now
        if self._noted.get(network) != router:
            self._noted[network] = self._routers[network] = router
            self._disbelieved.pop(network, None)
            self._learned(network, router)

    def is_silent(self, network: int, now: float) -> bool:
        return now - self._answered.get(network, float("-inf")) > SILENT

    def forget(self, network: int, now: float) -> None:
        """It was found wanting, and has to be looked for."""
        router = self._routers.pop(network, None)
        if router is not None:
            self._disbelieved[network] = (router, now + DISBELIEVED)
