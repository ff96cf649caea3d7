"""bacpypes3 as it comes: an Application, `read_property_multiple`, and its notification method overridden.

Its two limits that no benchmark is about are raised: the size of an answer it accepts (1024 octets would make the
devices abort) and, for discovery, it is a foreign device of the farm's BBMD.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from bacpypes3.apdu import ErrorRejectAbortNack, SubscribeCOVRequest
from bacpypes3.app import Application
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.basetypes import PropertyIdentifier, PropertyReference
from bacpypes3.pdu import Address
from bacpypes3.primitivedata import ObjectIdentifier, Real

from bench.clients.common import Arrivals, Job, answer_questions, read_in_parallel, reader_plan, run

LARGEST = 1476


class Counting(Application):
    """Handles an unconfirmed notification before the library looks for a subscription: its shortest way."""

    arrivals: Arrivals

    async def do_UnconfirmedCOVNotificationRequest(self, apdu: Any) -> None:  # noqa: N802 (the library's name)
        for value in apdu.listOfValues:
            if value.propertyIdentifier == PropertyIdentifier.presentValue:
                self.arrivals.note(value.value.cast_out(Real))


def opened(job: Job) -> Counting:
    words = ["--address", f"127.0.0.1/24:{job['port']}"]
    if "door" in job:
        words += ["--foreign", f"127.0.0.1:{job['door']}", "--ttl", "60"]
    application = Counting.from_args(SimpleArgumentParser().parse_args(words))
    application.device_object.maxApduLengthAccepted = LARGEST
    application.device_object.segmentationSupported = "no-segmentation"
    application.arrivals = Arrivals()
    return application


async def rpm(job: Job) -> Job:
    application = opened(job)
    inputs: list[Any] = []
    for instance in range(1, job["values"] + 1):
        inputs += [
            ObjectIdentifier(("analog-input", instance)),
            [PropertyReference(propertyIdentifier="present-value")],
        ]

    def reader(address: Address) -> Any:
        async def read() -> Sequence[Any]:
            answers = await application.read_property_multiple(address, inputs)
            return [value for _, _, _, value in answers]

        return read

    addresses = [Address(device) for device in job["devices"]]
    try:
        return await read_in_parallel([reader(addresses[place]) for place in reader_plan(job)], job)
    finally:
        application.close()


async def cov(job: Job) -> None:
    application = opened(job)
    for device in job["devices"]:
        for instance in range(1, job["objects"] + 1):
            request = SubscribeCOVRequest(
                subscriberProcessIdentifier=1,
                monitoredObjectIdentifier=ObjectIdentifier(("analog-input", instance)),
                issueConfirmedNotifications=False,
                lifetime=3600,
                destination=Address(device),
            )
            await application.request(request)
    await answer_questions(application.arrivals, len(job["devices"]) * job["objects"])
    application.close()


async def discovery(job: Job) -> Job:
    """Every object of the devices in the job's range, described by the same properties that ours asks for.

    Plain: as the library's own `discover-objects.py` does it, one device after another, one property after
    another. Tuned: by ReadPropertyMultiple, several objects a request, many devices at a time.
    """
    application = opened(job)
    await asyncio.sleep(1.0)  # its registration with the BBMD
    heard = await application.who_is(job["low"], job["high"], timeout=3)
    gate = asyncio.Semaphore(job["parallel"] if job["tuned"] else 1)

    async def one_by_one(address: Address, points: list[Any]) -> int:
        told = 0
        for point in points:
            for name in job["properties"][str(point[0])]:
                try:
                    value = await application.read_property(address, point, name)
                except ErrorRejectAbortNack:
                    continue  # the object does not have it
                told += name == "object-name" and isinstance(value, str)
        return told

    async def device(i_am: Any) -> int:
        async with gate:
            address, self_ = i_am.pduSource, i_am.iAmDeviceIdentifier
            listed = await application.read_property(address, self_, "object-list")
            points = [point for point in listed if str(point[0]) in job["properties"]]
            if not job["tuned"]:
                return await one_by_one(address, points)
            told = 0
            for first in range(0, len(points), job["at_once"]):
                wanted: list[Any] = []
                for point in points[first : first + job["at_once"]]:
                    names = job["properties"][str(point[0])]
                    wanted += [point, [PropertyReference(propertyIdentifier=name) for name in names]]
                answers = await application.read_property_multiple(address, wanted)
                told += sum(str(name) == "object-name" and isinstance(value, str) for _, name, _, value in answers)
            return told

    started = time.perf_counter()
    described = sum(await asyncio.gather(*(device(i_am) for i_am in heard)))
    elapsed = time.perf_counter() - started
    application.close()
    return {"devices": len(heard), "objects": described, "seconds": elapsed}


if __name__ == "__main__":
    run({"rpm": rpm, "cov": cov, "discovery": discovery})
