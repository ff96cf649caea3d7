"""The building on MQTT, as long as there is a broker; the agent does not depend on one.

While the status topic says `online`, every retained state below it is from this connection: values not read since are
marked, points and alarms that are gone are cleared. When we are cut off the broker says `offline` for us, and when we
stop we say it ourselves.

States and alarms are conflated: a slow broker gets fewer of them, never old ones, and never holds up the store.
Events are not; those told while there is no broker wait (the newest 10 000) and are sent when there is one again.

One run is one connection. It ends with `BrokerLost`; to reconnect is to run again.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import uuid
from datetime import UTC
from typing import Literal

import aiomqtt
import structlog

from facility.mirror import payloads
from facility.mirror.content import AlarmFeed, Content, Heads
from facility.mirror.leftovers import look, status_session
from facility.mirror.outlet import Outlet, Tally
from facility.mirror.settings import MirrorSettings, tls_context
from facility.mirror.strict import GOODBYE, V5, StrictClient
from facility.mirror.topics import BadTopic
from facility.mirror.versions import Versions
from facility.wire import Link
from points.catalog import CatalogBook
from points.clock import Clock
from points.events import Events
from points.model import Point
from points.store import PointStore

log = structlog.get_logger(__name__)


class BrokerLost(Exception):
    """There is no connection to the broker, or no longer; the text says which broker and why."""

    expected = True  # a trouble of the network, not a fault of ours: one line in the log


class Mirror:
    """Shows points, catalog, alarms and events on MQTT. Read-only: nothing on MQTT changes the building."""

    name = "mqtt"

    def __init__(
        self,
        settings: MirrorSettings,
        *,
        store: PointStore,
        book: CatalogBook,
        events: Events,
        alarms: AlarmFeed,
        clock: Clock,
        version: str,
        heads: Heads | None = None,
    ) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._content = Content(settings.topics, store=store, book=book, events=events, alarms=alarms, clock=clock)
        self._clock = clock
        self._version = version
        self._heads = heads
        self._versions = Versions(settings.where)
        self._tally = Tally()
        self._outlet: Outlet | None = None
        self._online = False  # we have said so in this connection
        self._link = Link(name="mqtt", state="down", text=f"{settings.where}: not connected yet", since=clock.now())

    @property
    def published(self) -> int:
        """Messages the broker has accepted since the agent started."""
        return self._tally.published

    @property
    def rejected(self) -> int:
        """Messages the broker has refused since the agent started."""
        return self._tally.rejected

    @property
    def topics(self) -> int:
        """Retained topics this connection stands behind."""
        return len(self._outlet.retained) if self._outlet else 0

    def topic_of(self, point: Point) -> str:
        """Where the state of the point is; "" if its id cannot be a topic."""
        try:
            return self._topics.state(point.id)
        except BadTopic:
            return ""

    def link(self) -> Link:
        """How the connection is."""
        if self._link.state == "ok" and self._outlet is not None and self._outlet.rejected:
            text = f"{self._settings.where} rejects {self._outlet.rejected} messages: {self._outlet.last_rejection}"
            return self._link.model_copy(update={"state": "degraded", "text": text})
        return self._link

    async def run(self) -> None:
        """One connection, from connect to loss. Cancelling says goodbye."""
        self._content.listen()
        try:
            await self._versions.speak(self._connected)
        except aiomqtt.MqttError as error:
            self._is("down", f"{self._settings.where}: {error}")
            raise BrokerLost(f"MQTT broker {self._settings.where}: {error}") from error
        except asyncio.CancelledError:
            self._content.hush()
            self._is("off", "stopped")
            raise
        except Exception as error:
            self._is("down", f"{self._settings.where}: {error}")
            raise
        finally:
            self._outlet = None
            self._online = False

    async def _connected(self, protocol: aiomqtt.ProtocolVersion) -> None:
        session = uuid.uuid4().hex
        context = await asyncio.to_thread(tls_context, self._settings)
        client = StrictClient(
            self._settings.host,
            self._settings.port,
            identifier=f"fac-{self._settings.site}-{self._settings.agent}",
            protocol=protocol,
            username=self._settings.username,
            password=self._settings.secret,
            will=aiomqtt.Will(self._topics.status, self._status("offline", session, "cut off"), qos=1, retain=True),
            context=context,
        )
        async with client:
            self._is("degraded", f"{self._settings.where}: connected, catching up")
            try:
                await self._mirror(client, session)
            except asyncio.CancelledError:
                await self._farewell(client, session)
                raise

    async def _mirror(self, client: StrictClient, session: str) -> None:
        leftovers = await look(client, self._topics, self._status("starting", session), session)
        lost: BaseExceptionGroup[aiomqtt.MqttError] | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                self._outlet = outlet = Outlet(client, tasks, self._tally)
                tasks.create_task(self._listen(client, outlet, session), name="mqtt listen")
                told = await self._content.replace(outlet, leftovers)
                tasks.create_task(self._content.follow_catalog(outlet, told), name="mqtt catalog")
                tasks.create_task(self._content.follow_alarms(outlet, leftovers.alarms), name="mqtt alarms")
                tasks.create_task(self._content.tell_events(outlet), name="mqtt events")
                if self._heads is not None:
                    following = self._content.follow_heads(outlet, self._heads, leftovers.heads)
                    tasks.create_task(following, name="mqtt audit")
                caught_up = functools.partial(self._caught_up, client, outlet, session)
                tasks.create_task(self._content.follow_states(outlet, caught_up), name="mqtt state")
        except* aiomqtt.MqttError as group:
            lost = group
        if lost is not None:
            raise _first(lost)

    async def _caught_up(self, client: StrictClient, outlet: Outlet, session: str) -> None:
        """Says `online`: from here on all that is retained is of this connection."""
        self._online = True
        await outlet.put(self._topics.status, self._status("online", session))
        await outlet.settled()
        version = "MQTT 5" if client.protocol is V5 else "MQTT 3.1.1"
        unencrypted = ", not encrypted" if self._settings.leaves_unencrypted else ""
        self._is("ok", f"{self._settings.where}, {version}{unencrypted}")
        log.info("mirrored on MQTT", broker=self._settings.where, version=version, topics=self.topics)

    async def _listen(self, client: StrictClient, outlet: Outlet, session: str) -> None:
        """Notices a lost broker, and a late last will of an earlier connection, which would mark us offline."""
        try:
            async for message in client.messages:
                client.ack(message)
                foreign = message.topic.value == self._topics.status and status_session(message) != session
                if foreign and self._online:
                    log.warning("someone else spoke for this agent on MQTT, corrected", topic=message.topic.value)
                    await outlet.put(self._topics.status, self._status("online", session))
        except aiomqtt.MqttError as error:
            raise aiomqtt.MqttError(f"the connection was lost ({error.__cause__ or error})") from error

    async def _farewell(self, client: StrictClient, session: str) -> None:
        """The last will is not sent when we leave politely: say it ourselves."""
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await client.publish(self._topics.status, self._status("offline", session, "stopped"), retain=True)

    def _status(
        self, state: Literal["starting", "online", "offline"], session: str, reason: str | None = None
    ) -> bytes:
        self._said = state
        return payloads.encoded(
            payloads.Status(
                state=state,
                t=self._clock.now().astimezone(UTC),
                session=session,
                version=self._version,
                schema=1,
                reason=reason,
                insecure=self._settings.leaves_unencrypted or None,
            )
        )

    def _is(self, state: Literal["ok", "degraded", "down", "off"], text: str) -> None:
        since = self._link.since if state == self._link.state else self._clock.now()
        self._link = Link(name="mqtt", state=state, text=text, since=since)


def _first(group: BaseExceptionGroup[aiomqtt.MqttError]) -> aiomqtt.MqttError:
    """The cause, out of the group that it ended: the others only followed."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
