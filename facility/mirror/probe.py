"""What a subscriber that comes late is told: the retained states on a broker, looked at from outside."""

from __future__ import annotations

import asyncio

import aiomqtt

from facility.mirror.settings import MirrorSettings, tls_context

QUIET_S = 1.5  # so long without a retained message: the broker has told all it keeps
LIVE = 100_000  # messages that may wait while they are sorted; live ones come in between


class BrokerSilent(Exception):
    """Nobody answers there, or not as a broker does."""


async def retained_states(settings: MirrorSettings) -> dict[str, bytes]:
    """Topic -> payload of every retained state of the agent. Raises `BrokerSilent`."""
    try:
        return await _listen(settings)
    except aiomqtt.MqttError as error:
        raise BrokerSilent(f"the broker at {settings.where} does not answer: {error}") from None


async def _listen(settings: MirrorSettings) -> dict[str, bytes]:
    states: dict[str, bytes] = {}
    async with aiomqtt.Client(
        settings.host,
        settings.port,
        username=settings.username,
        password=settings.secret,
        tls_context=tls_context(settings),
        max_queued_incoming_messages=LIVE,
    ) as client:
        states_of_all = f"{settings.topics.base}/state/#"
        await client.subscribe(states_of_all, qos=0)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + QUIET_S
        try:
            async with asyncio.timeout_at(deadline) as quiet:
                async for message in client.messages:
                    if message.retain and message.topic.matches(states_of_all):
                        states[message.topic.value] = bytes(message.payload)
                        quiet.reschedule(loop.time() + QUIET_S)
        except TimeoutError:
            pass
    return states
