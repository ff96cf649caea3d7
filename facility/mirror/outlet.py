"""The way out of one connection: ordered, bounded, counted.

Messages reach the broker in the order of `put`, with at most the client's window of them unacknowledged; then `put`
waits, so that whoever feeds it skips to the latest instead of piling up. A message the broker rejects is counted and
told once, and not tried again: it would be rejected again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from facility.mirror.strict import PublishRejected, StrictClient

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the messages since the agent started."""

    published: int = 0
    rejected: int = 0


class Outlet:
    """Publishes for as long as its task group runs; a lost connection ends the group."""

    def __init__(self, client: StrictClient, tasks: asyncio.TaskGroup, tally: Tally) -> None:
        self._client = client
        self._tasks = tasks
        self._tally = tally
        self._free = asyncio.Semaphore(client.window)
        self._flying: set[asyncio.Task[None]] = set()
        self.retained: set[str] = set()  # topics this connection has left a value at
        self.rejected = 0  # in this connection
        self.last_rejection = ""

    async def put(self, topic: str, payload: bytes, *, retain: bool = True) -> asyncio.Task[None]:
        """Waits for room and hands the message over; the task is done when the broker has answered."""
        await self._free.acquire()
        task = self._tasks.create_task(self._publish(topic, payload, retain=retain), name=f"publish {topic}")
        self._flying.add(task)
        task.add_done_callback(self._flying.discard)
        return task

    async def clear(self, topic: str) -> None:
        """Takes the retained value of a topic away."""
        await self.put(topic, b"")

    async def settled(self) -> None:
        """Waits until all that has been put so far is answered."""
        if self._flying:
            await asyncio.wait(set(self._flying))

    async def _publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        try:
            await self._client.publish(topic, payload, retain=retain)
        except PublishRejected as rejection:
            self._count(rejection)
        else:
            self._tally.published += 1
            if retain and payload:
                self.retained.add(topic)
            else:
                self.retained.discard(topic)
        finally:
            self._free.release()

    def _count(self, rejection: PublishRejected) -> None:
        tell = log.debug if self.rejected else log.warning
        tell("the broker rejects what we publish", topic=rejection.topic, reason=rejection.reason)
        self.rejected += 1
        self.last_rejection = rejection.reason
        self._tally.rejected += 1
