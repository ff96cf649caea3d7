"""What an earlier run left on the broker, as far as it is ours to clear.

Only alarms, catalog pages and the head of the audit are looked at. The catalog pages name every point whose state may
be retained (a page is published before the states of its points, and replaced after the states of points that left it
were cleared), so the states themselves, which may be too many for a broker's queue, need not come back to us.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import aiomqtt
import orjson
import structlog

from facility.mirror.payloads import points_listed
from facility.mirror.strict import StrictClient
from facility.mirror.topics import BadTopic, Topics

log = structlog.get_logger(__name__)

LOOKING = 5.0  # seconds until the broker must have shown what it keeps; a broker that lets us read takes milliseconds
FAILED = 0x80  # subscribe return codes from here on are refusals (MQTT 3.1.1, 3.9.3; MQTT 5, 3.9.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """Topics that hold a value from before this connection."""

    alarms: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    heads: list[str] = field(default_factory=list)  # what an earlier run told last of the audit's head


async def look(client: StrictClient, topics: Topics, status: bytes, session: str) -> Leftovers:
    """Subscribes to our own topics, publishes `status`, and collects until it comes back: the broker kept no more.

    The subscription to our own status stays: see `status_session`.
    """
    found = Leftovers()
    briefly = [f"{topics.base}/alarm/+", f"{topics.base}/catalog/#", topics.audit_head]
    granted = await client.subscribe([(topic, 1) for topic in (*briefly, topics.status)])
    await client.publish(topics.status, status, retain=True)
    if any(_refused(code) for code in granted):
        log.warning("the broker lets us not read our own topics: leftovers of earlier runs stay", base=topics.base)
        return found
    try:
        async with asyncio.timeout(LOOKING):
            async for message in client.messages:
                client.ack(message)
                if message.topic.value == topics.status and status_session(message) == session:
                    break
                _sort(message, topics, found)
    except TimeoutError:
        log.warning("the broker shows us not our own topics: leftovers of earlier runs may stay", base=topics.base)
    await client.unsubscribe(briefly)
    return found


def status_session(message: aiomqtt.Message) -> str:
    """Which session a status message speaks of; "" if it makes no sense."""
    try:
        return str(orjson.loads(message.payload)["session"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""


def _sort(message: aiomqtt.Message, topics: Topics, found: Leftovers) -> None:
    topic = message.topic.value
    if not message.payload:
        return
    if topic.startswith(f"{topics.base}/alarm/"):
        found.alarms.add(topic)
    elif topic == topics.audit_head and isinstance(message.payload, bytes):
        found.heads.append(message.payload.decode("utf-8", "replace"))
    elif topic.startswith(f"{topics.base}/catalog/"):
        found.pages.add(topic)
        found.states.update(_state_topics(message, topics))


def _state_topics(message: aiomqtt.Message, topics: Topics) -> set[str]:
    listed: set[str] = set()
    for point in points_listed(message.payload) if isinstance(message.payload, bytes) else ():
        try:
            listed.add(topics.state(point))
        except BadTopic:
            continue  # not written by us: leave it alone
    return listed


def _refused(code: object) -> bool:
    value = getattr(code, "value", code)
    return isinstance(value, int) and value >= FAILED
