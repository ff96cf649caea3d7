"""Which MQTT a broker speaks: 5, or 3.1.1 where it does not. One home for three connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiomqtt
import structlog
from aiomqtt.exceptions import MqttConnectError

from facility.mirror.strict import UNSUPPORTED_VERSION, V5, V311, Unanswered

log = structlog.get_logger(__name__)


class Versions:
    """Tries the newer first, and remembers a broker that has said no."""

    def __init__(self, broker: str) -> None:
        self._broker = broker
        self._protocol = V5

    async def speak(self, connected: Callable[[aiomqtt.ProtocolVersion], Awaitable[None]]) -> None:
        """One connection, from connect to loss."""
        try:
            return await connected(self._protocol)
        except MqttConnectError as refusal:
            if self._protocol is V311 or getattr(refusal.rc, "value", refusal.rc) != UNSUPPORTED_VERSION:
                raise
            self._protocol = V311
        except Unanswered:  # amqtt 0.12.1 waits for more of a CONNECT it misreads; not remembered: it did not say no
            if self._protocol is V311:
                raise
        log.info("the broker does not answer MQTT 5, going on with 3.1.1", broker=self._broker)
        return await connected(V311)
