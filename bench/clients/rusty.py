"""rusty-bacnet: Rust with Python bindings, `BACnetClient`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rusty_bacnet import BACnetClient, ObjectIdentifier, ObjectType, PropertyIdentifier

from bench.clients.common import Arrivals, Job, answer_questions, read_in_parallel, reader_plan, run


def opened(job: Job) -> BACnetClient:
    return BACnetClient(interface="127.0.0.1", port=job["port"], broadcast_address="127.0.0.255")


async def rpm(job: Job) -> Job:
    inputs = [
        (ObjectIdentifier(ObjectType.ANALOG_INPUT, instance), [(PropertyIdentifier.PRESENT_VALUE, None)])
        for instance in range(1, job["values"] + 1)
    ]
    async with opened(job) as client:

        def reader(address: str) -> Any:
            async def read() -> Sequence[Any]:
                answers = await client.read_property_multiple(address, inputs)
                return [answer["results"][0]["value"].value for answer in answers]

            return read

        return await read_in_parallel([reader(job["devices"][place]) for place in reader_plan(job)], job)


async def cov(job: Job) -> None:
    arrivals = Arrivals()
    async with opened(job) as client:
        notifications = await client.cov_notifications()

        async def take() -> None:
            async for notification in notifications:
                for entry in notification.values:
                    if entry["property_id"] == PropertyIdentifier.PRESENT_VALUE:
                        arrivals.note(entry["value"].value)

        task = asyncio.create_task(take())
        for device in job["devices"]:
            for instance in range(1, job["objects"] + 1):
                point = ObjectIdentifier(ObjectType.ANALOG_INPUT, instance)
                await client.subscribe_cov(device, 1, point, confirmed=False, lifetime=3600)
        await answer_questions(arrivals, len(job["devices"]) * job["objects"])
        task.cancel()


if __name__ == "__main__":
    run({"rpm": rpm, "cov": cov})
