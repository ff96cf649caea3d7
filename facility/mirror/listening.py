"""Connections that only take in what others send: how they are made, and what they ask the broker for."""

from __future__ import annotations

from collections.abc import Iterable

import aiomqtt

from facility.mirror.settings import MirrorSettings, tls_context
from facility.mirror.strict import StrictClient

LONGEST = 16 * 1024  # bytes, topic included; ours have 200
REFUSED = 0x80  # subscribe return codes from here on


def listener(settings: MirrorSettings, branch: str, protocol: aiomqtt.ProtocolVersion, *, room: int) -> StrictClient:
    """A client of its own name. `room`: messages that may wait."""
    return StrictClient(
        settings.host,
        settings.port,
        identifier=f"fac-{settings.site}-{settings.agent}-{branch}",
        protocol=protocol,
        username=settings.username,
        password=settings.secret,
        context=tls_context(settings),
        room=room,
        longest=LONGEST,
    )


async def subscribe(client: StrictClient, topics: Iterable[str], what: str) -> None:
    """Asks for these topics. Raises `aiomqtt.MqttError`, which says `what`, if the broker refuses one."""
    granted = await client.subscribe([(topic, 1) for topic in topics])
    if any(getattr(code, "value", code) >= REFUSED for code in granted):
        raise aiomqtt.MqttError(f"the broker does not let us read {what}")
