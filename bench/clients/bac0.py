"""BAC0, in an environment of its own (.venv-bench): `readMultiple`, `cov`, as its documentation shows them.

The requests are built beforehand from its own dictionary form. Its logging is silenced, the size of an answer it
accepts raised as for bacpypes3.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import BAC0

from bench.clients.common import Arrivals, Job, answer_questions, read_in_parallel, reader_plan, run

LARGEST = 1476


async def opened(job: Job) -> Any:
    BAC0.log_level("silence")
    more = {"bbmdAddress": f"127.0.0.1:{job['door']}", "bbmdTTL": 60} if "door" in job else {}
    client = BAC0.start(ip="127.0.0.1/24", port=job["port"], ping=False, **more)
    while not client._initialized:  # noqa: ASYNC110, SLF001 (it offers nothing else to wait for)
        await asyncio.sleep(0.05)
    device = client.this_application.app.device_object
    device.maxApduLengthAccepted = LARGEST
    device.segmentationSupported = "no-segmentation"
    return client


async def rpm(job: Job) -> Job:
    client = await opened(job)

    def reader(address: str) -> Any:
        objects = {f"analogInput:{instance}": ["presentValue"] for instance in range(1, job["values"] + 1)}
        request = {"address": address, "objects": objects}

        async def read() -> Sequence[Any]:
            answers = await client.readMultiple(address, request_dict=request)
            return [answer[0][1] for answer in answers.values()]

        return read

    return await read_in_parallel([reader(job["devices"][place]) for place in reader_plan(job)], job)


async def cov(job: Job) -> None:
    client, arrivals = await opened(job), Arrivals()

    def note(property_identifier: Any, property_value: Any) -> None:
        if str(property_identifier) == "present-value":
            arrivals.note(float(property_value))

    wanted = len(job["devices"]) * job["objects"]
    for device in job["devices"]:
        for instance in range(1, job["objects"] + 1):
            client.cov(device, ("analogInput", instance), lifetime=3600, callback=note)
    for _ in range(100):
        await asyncio.sleep(0.1)
        if arrivals.received >= wanted:
            break
    await answer_questions(arrivals, wanted)


async def discovery(job: Job) -> Job:
    """As for bacpypes3: the same properties, the same size of request."""
    client = await opened(job)
    await asyncio.sleep(1.0)  # its registration with the BBMD
    heard = await client.who_is(low_limit=job["low"], high_limit=job["high"], timeout=3)
    gate = asyncio.Semaphore(job["parallel"])

    async def device(i_am: Any) -> int:
        async with gate:
            address, instance = str(i_am.pduSource), i_am.iAmDeviceIdentifier[1]
            listed = await client.read(f"{address} device {instance} objectList")
            points = [point for point in listed if str(point[0]) in job["properties"]]
            told = 0
            for first in range(0, len(points), job["at_once"]):
                wanted = {
                    f"{point[0]}:{point[1]}": job["properties"][str(point[0])]
                    for point in points[first : first + job["at_once"]]
                }
                answers = await client.readMultiple(address, request_dict={"address": address, "objects": wanted})
                told += sum(
                    str(name) == "object-name" and isinstance(value, str)
                    for answer in answers.values()
                    for name, value in answer
                )
            return told

    started = time.perf_counter()
    described = sum(await asyncio.gather(*(device(i_am) for i_am in heard)))
    return {"devices": len(heard), "objects": described, "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    run({"rpm": rpm, "cov": cov, "discovery": discovery})
