"""Requests that arrive on MQTT and are answered there: `<base>/in/<branch>`, answered at `<base>/out/<branch>`.

A connection of its own. What the broker kept (retained) is no request and is ignored: it may be as old as it likes.
Each message is answered once and acknowledged after that; one that comes again (QoS 1) is answered again, and whoever
answers has to see that it is the same. Nothing on it commands a point.

One run is one connection. It ends with `BrokerLost`; to reconnect is to run again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiomqtt
import structlog

from facility.mirror.listening import listener, subscribe
from facility.mirror.service import BrokerLost
from facility.mirror.settings import MirrorSettings
from facility.mirror.strict import PublishRejected, StrictClient
from facility.mirror.versions import Versions

ROOM = 100  # requests that may wait

Answer = Callable[[bytes], Awaitable[bytes]]

log = structlog.get_logger(__name__)


class Answering:
    """The service."""

    def __init__(self, settings: MirrorSettings, branch: str, answer: Answer) -> None:
        self.name = f"mqtt-{branch}"
        self._settings = settings
        self._asked = f"{settings.topics.base}/in/{branch}"
        self._answered = f"{settings.topics.base}/out/{branch}"
        self._branch = branch
        self._answer = answer
        self._versions = Versions(settings.where)
        self.connected = False

    def trouble(self) -> str:
        """What is wrong, for the screens; "" if nothing is."""
        return "" if self.connected else f"MQTT {self._settings.where}: not connected for {self._branch}"

    async def run(self) -> None:
        """One connection, from connect to loss."""
        try:
            await self._versions.speak(self._serve)
        except aiomqtt.MqttError as error:
            raise BrokerLost(f"MQTT broker {self._settings.where}: {error}") from None
        finally:
            self.connected = False

    async def _serve(self, protocol: aiomqtt.ProtocolVersion) -> None:
        client = listener(self._settings, self._branch, protocol, room=ROOM)
        async with client:
            await subscribe(client, [self._asked], self._asked)
            self.connected = True
            log.info("requests are taken from MQTT", broker=self._settings.where, topic=self._asked)
            async for message in client.messages:
                if not message.retain:
                    await self._reply(client, message.payload if isinstance(message.payload, bytes) else b"")
                client.ack(message)

    async def _reply(self, client: StrictClient, payload: bytes) -> None:
        """A broker that does not let us answer has brought the request all the same."""
        try:
            await client.publish(self._answered, await self._answer(payload), retain=False)
        except PublishRejected as rejection:
            log.warning("the broker rejects our answer", topic=self._answered, reason=rejection.reason)
