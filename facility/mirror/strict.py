"""An MQTT connection that tells the truth, where aiomqtt 2.5.1 is silent.

- `publish` returns when the broker has accepted the message, and raises `PublishRejected` when it has not (aiomqtt
  takes a PUBACK that says "not authorized" for success) and at once when the connection is lost (aiomqtt: at the
  time-out).
- A message is acknowledged when `ack` says so, and never before; one that there is no room for stays
  unacknowledged and is counted (aiomqtt acknowledges it, then drops it).
- What a broker sends that is no message ends the connection without being told: aiomqtt's own error has it in its text.
- A broker of MQTT 5 is told how long a packet may be (`longest`), and sends us no longer ones.
- A connection that could not be made, or not be ended politely, is closed (aiomqtt leaves it to paho, which may
  bring it back to life later).

A client is for one connection: paho delivers old messages when it is used for a second one. It touches names that
aiomqtt keeps to itself: a contract test holds it against a real broker.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from aiomqtt.types import PahoSocket
from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, ConnectFlags, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

V5 = aiomqtt.ProtocolVersion.V5
V311 = aiomqtt.ProtocolVersion.V311

KEEPALIVE = 15  # seconds; a dead broker is noticed within two of them (measured: 8 s at 5)
ANSWER = 10.0  # seconds a broker may take to acknowledge before it counts as hung
UNDERSTANDING = 2.0  # seconds a broker may take to answer a CONNECT of MQTT 5 before we try 3.1.1
GOODBYE = 2.0  # seconds a disconnect may take
ROOM = 10_000  # incoming messages that may wait; ours are the alarms and catalog pages of an earlier run
IN_FLIGHT = 50  # unacknowledged publishes; 100 at once timed out together on slow machines (aiomqtt issue 365)
UNSUPPORTED_VERSION = 132  # reason code "Unsupported protocol version", also made of a 3.1.1 broker's refusal

QUIET = logging.getLogger("facility.mirror.paho")
QUIET.setLevel(logging.CRITICAL)  # what matters of it is raised


class PublishRejected(aiomqtt.MqttError):
    """The broker answered a publish with a no. Trying again will not help."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"{topic}: {reason}")
        self.topic = topic
        self.reason = reason


class Unanswered(aiomqtt.MqttError):
    """The broker took our connection and did not answer it: it is hung, or does not understand us."""


class StrictClient(aiomqtt.Client):
    """One connection to a broker, at QoS 1."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        identifier: str,
        protocol: aiomqtt.ProtocolVersion = V5,
        username: str | None = None,
        password: str | None = None,
        will: aiomqtt.Will | None = None,
        context: ssl.SSLContext | None = None,
        room: int = ROOM,
        longest: int | None = None,
    ) -> None:
        """`room`: messages that may wait. `longest`: bytes of a packet; None: as long as the broker lets it be."""
        super().__init__(
            host,
            port,
            identifier=identifier,
            protocol=protocol,
            username=username,
            password=password,
            will=will,
            tls_context=context,
            keepalive=KEEPALIVE,
            timeout=ANSWER,
            logger=QUIET,
            clean_session=None if protocol is V5 else True,
            max_queued_incoming_messages=room,
            max_inflight_messages=IN_FLIGHT,
            properties=None if longest is None or protocol is not V5 else _no_longer_than(longest),
        )
        self._client.manual_ack_set(on=True)
        self.protocol = protocol
        self._answers: dict[int, asyncio.Future[ReasonCode]] = {}
        self._reached = False
        self._abandoned = False
        self.refused = 0  # incoming messages there was no room for
        self.window = IN_FLIGHT  # publishes the broker lets us have unacknowledged

    async def __aenter__(self) -> Self:
        if self.protocol is V5:
            self.timeout = min(UNDERSTANDING, ANSWER)
        try:
            await super().__aenter__()
        except MqttConnectError:
            self._abandon()
            raise
        except aiomqtt.MqttError as error:
            self._abandon()
            if self._reached:
                raise Unanswered("the broker takes the connection but does not answer") from error
            raise
        except BaseException:
            self._abandon()
            raise
        self.timeout = ANSWER
        self._disconnected.add_done_callback(self._fail_unanswered)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.timeout = GOODBYE
        try:
            await super().__aexit__(kind, error, trace)
        except aiomqtt.MqttError:
            QUIET.debug("The broker did not let us go politely")
        finally:
            self._abandon()

    async def publish(  # type: ignore[override]  # narrower on purpose: QoS 1 and bytes are all there is
        self, topic: str, payload: bytes, *, retain: bool
    ) -> None:
        """Returns when the broker has the message."""
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        if sent.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(sent.rc, "Could not publish")
        with self._awaited(sent.mid) as answer:
            try:
                async with asyncio.timeout(self.timeout):
                    reason = await answer
            except TimeoutError:
                raise aiomqtt.MqttError(f"the broker did not acknowledge within {self.timeout:g} s") from None
        if reason.is_failure:
            raise PublishRejected(topic, str(reason))

    def ack(self, message: aiomqtt.Message) -> None:
        """Tells the broker that the message has been dealt with."""
        self._client.ack(message.mid, message.qos)

    @contextmanager
    def _awaited(self, mid: int) -> Iterator[asyncio.Future[ReasonCode]]:
        answer: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._answers[mid] = answer
        try:
            yield answer
        finally:
            self._answers.pop(mid, None)

    def _on_connect(
        self,
        client: Client,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        # MQTT 5, 3.2.2.3.3: more unacknowledged publishes than Receive Maximum and the broker hangs up
        self.window = min(IN_FLIGHT, getattr(properties, "ReceiveMaximum", IN_FLIGHT))
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self, client: Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        answer = self._answers.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(reason_code)

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        if self._queue.full():
            self.refused += 1
            return
        with suppress(ValueError):  # a topic that is none: the text of the error is the topic
            super()._on_message(client, userdata, message)
            return
        raise aiomqtt.MqttError("the broker sent what is no message")

    def _on_socket_open(self, client: Client, userdata: Any, sock: PahoSocket) -> None:
        if self._abandoned:  # called from the connecting thread, after our connect was cancelled
            sock.close()
            return
        self._reached = True
        super()._on_socket_open(client, userdata, sock)

    def _on_socket_register_write(self, client: Client, userdata: Any, sock: PahoSocket) -> None:
        self._loop.call_soon_threadsafe(self._watch_for_room, client, sock)

    def _watch_for_room(self, client: Client, sock: PahoSocket) -> None:
        """Aiomqtt watches a file number, later: by then the socket may be closed and the number somebody else's."""
        if sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), self._write, client)

    def _write(self, client: Client) -> None:
        try:
            client.loop_write()
        except Exception as error:  # noqa: BLE001 - paho raises what the socket raises; the connection is lost
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

    def _fail_unanswered(self, disconnected: asyncio.Future[None]) -> None:
        error = disconnected.exception() or aiomqtt.MqttError("Disconnected")
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(aiomqtt.MqttError(f"the connection was lost ({error})"))

    def _abandon(self) -> None:
        self._abandoned = True
        if self._misc_task is not None:
            self._misc_task.cancel()
        sock = self._client.socket()
        if sock is not None and sock.fileno() >= 0:
            self._loop.remove_reader(sock.fileno())
            self._loop.remove_writer(sock.fileno())
            sock.close()


def _no_longer_than(longest: int) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = longest
    return properties
