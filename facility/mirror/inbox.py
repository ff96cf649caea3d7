"""What others publish for the agent, beneath `<base>/in/`. A connection of its own, with one consumer.

It works whether or not the building is mirrored, and nothing on it commands anything. A message is handed to the
reader of its branch and acknowledged; nobody else sees it, and it is not logged. Whoever reads is told (`missed`)
whenever something may have been said while nobody listened: after each time that the connection was made anew, and
when more came than there was room for, which ends the connection, so that the broker shows what it keeps once more.

One run is one connection. It ends with `BrokerLost`; to reconnect is to run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiomqtt
import structlog

from facility.mirror.listening import listener, subscribe
from facility.mirror.service import BrokerLost
from facility.mirror.settings import MirrorSettings
from facility.mirror.strict import StrictClient
from facility.mirror.versions import Versions
from points.clock import Clock

ROOM = 5_000  # messages that may wait: what a broker keeps for us comes at once
PACE = 500.0  # messages a second
BURST = 1_000  # before that counts
_CARRIERS = ("UserProperty", "ResponseTopic", "CorrelationData", "ContentType")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message. Its text and payload are in no representation of it."""

    place: str = field(repr=False)  # the last level of its topic
    payload: bytes = field(repr=False)
    retained: bool  # the broker kept it: it may be old
    bare: bool  # it has no properties that could carry anything


Reader = Callable[[Arrival], None]


class Inbox:
    """The service."""

    name = "mqtt-in"

    def __init__(
        self, settings: MirrorSettings, readers: Mapping[str, Reader], clock: Clock, missed: Callable[[], None]
    ) -> None:
        """`readers`: branch (`bed` for `<base>/in/bed/+`) -> who reads it."""
        self._settings = settings
        self._base = f"{settings.topics.base}/in"
        self._readers = dict(readers)
        self._clock = clock
        self._missed = missed
        self._versions = Versions(settings.where)
        self.connected = False
        self.trouble = "not connected yet"

    @property
    def where(self) -> str:
        return self._settings.where

    async def run(self) -> None:
        """One connection, from connect to loss."""
        try:
            await self._versions.speak(self._connected)
        except aiomqtt.MqttError as error:
            self.trouble = str(error)
            raise BrokerLost(f"MQTT broker {self._settings.where}: {error}") from None
        finally:
            self.connected = False

    async def _connected(self, protocol: aiomqtt.ProtocolVersion) -> None:
        client = listener(self._settings, "in", protocol, room=ROOM)
        async with client:
            topics = [f"{self._base}/{branch}/+" for branch in self._readers]
            await subscribe(client, topics, f"{self._base}/#")
            self._missed()
            self.connected, self.trouble = True, ""
            log.info("what others tell is taken from MQTT", broker=self._settings.where, topics=f"{self._base}/#")
            await self._listen(client)

    async def _listen(self, client: StrictClient) -> None:
        waiting, looked = float(BURST), self._clock.now()
        async for message in client.messages:
            self._hand_on(message)
            client.ack(message)
            if client.refused:
                self._missed()
                raise aiomqtt.MqttError("more came than there was room for")
            now = self._clock.now()
            waiting = min(float(BURST), waiting + max(0.0, (now - looked).total_seconds()) * PACE) - 1
            looked = now
            if waiting < 0:
                await self._clock.sleep(1 / PACE)

    def _hand_on(self, message: aiomqtt.Message) -> None:
        branch, _, place = message.topic.value.removeprefix(f"{self._base}/").partition("/")
        reader = self._readers.get(branch)
        if reader is None:
            return
        payload = message.payload if isinstance(message.payload, bytes) else b""
        bare = not any(hasattr(message.properties, name) for name in _CARRIERS)
        reader(Arrival(place=place, payload=payload, retained=bool(message.retain), bare=bare))
