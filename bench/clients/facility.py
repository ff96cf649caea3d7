"""Ours: the stack as the agent opens it, with prepared queries."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from bench.clients.common import Arrivals, Job, answer_questions, read_in_parallel, reader_plan, run
from points.bacnet.port import Notification, Property, Query
from points.bacnet.stack import StackSettings, open_stack
from points.model import DeviceRef, Ref

FREE = 1e9  # requests a second: what the devices bear is measured here, so our own politeness is put aside


def settings(job: Job, **more: Any) -> StackSettings:
    known = {field.name for field in fields(StackSettings)}
    free = {"requests_per_second": FREE, "local_requests_per_second": FREE, "max_outstanding_per_network": 64}
    wanted = {"address": f"127.0.0.1:{job['port']}", **free, **more}
    return StackSettings(**{name: value for name, value in wanted.items() if name in known})


def devices(job: Job) -> list[DeviceRef]:
    return [
        DeviceRef(network=0, address=address, instance=instance)
        for address, instance in zip(job["devices"], job["instances"], strict=True)
    ]


async def rpm(job: Job) -> Job:
    each = job["in_flight"] // len(job["devices"])
    async with open_stack(settings(job, max_outstanding_per_device=each)) as stack:
        wanted = tuple(Property("analog-input", i, "present-value") for i in range(1, job["values"] + 1))

        def reader(device: DeviceRef) -> Any:
            query = Query(device, wanted)

            async def read() -> Sequence[Any]:
                return await stack.read_many(query)

            return read

        found = devices(job)
        return await read_in_parallel([reader(found[place]) for place in reader_plan(job)], job)


async def cov(job: Job) -> None:
    async with open_stack(settings(job)) as stack:
        arrivals = Arrivals()

        def note(notification: Notification) -> None:
            value = notification.properties["present-value"]
            if isinstance(value, float):
                arrivals.note(value)

        stack.on_notification(note)
        for device in devices(job):
            for instance in range(1, job["objects"] + 1):
                ref = Ref(device=device, object_type="analog-input", instance=instance)
                await stack.subscribe(ref, process=1, lifetime=3600)
        await answer_questions(arrivals, len(job["devices"]) * job["objects"])


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    run({"rpm": rpm, "cov": cov})
