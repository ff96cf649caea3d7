"""A bacpypes3 device with schedules of its own on a socket of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bacpypes3.apdu import ReadPropertyRequest, SimpleAckPDU
from bacpypes3.app import Application
from bacpypes3.errors import ExecutionError
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject

from facility.simulation.objects import Face
from facility.simulation.process import free_port
from facility.simulation.rows import OFF_ON, bo, sp
from facility.simulation.spec import CalendarSpec, ScheduleSpec
from facility.simulation.timers import Timers
from points.model import DeviceRef

INSTANCE = 77


class Stubborn(Application):  # type: ignore[misc]
    """May refuse to send long things, to take what is written, or take it and do something else."""

    too_big: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    ignores: frozenset[str] = frozenset()
    asked: list[tuple[str, int | None]]

    async def do_ReadPropertyRequest(self, apdu: ReadPropertyRequest) -> None:  # noqa: N802 (the name is bacpypes3's)
        name = str(apdu.propertyIdentifier)
        self.asked.append((name, apdu.propertyArrayIndex))
        if name in self.too_big and apdu.propertyArrayIndex is None:
            raise ExecutionError(errorClass="services", errorCode="other")
        await super().do_ReadPropertyRequest(apdu)

    async def do_WritePropertyRequest(self, apdu: Any) -> None:  # noqa: N802
        name = str(apdu.propertyIdentifier)
        if name in self.refuses:
            raise ExecutionError(errorClass="resources", errorCode="noSpaceToWriteProperty")
        if name in self.too_big and apdu.propertyArrayIndex is None:
            raise ExecutionError(errorClass="services", errorCode="other")
        if name in self.ignores:
            await self.response(SimpleAckPDU(context=apdu))
            return
        await super().do_WritePropertyRequest(apdu)


@asynccontextmanager
async def timed_device(
    *specs: ScheduleSpec | CalendarSpec,
) -> AsyncIterator[tuple[DeviceRef, Stubborn, Timers]]:
    faces = {
        "relay": Face(bo("relay", "Relay", OFF_ON), 1),
        "setpoint": Face(sp("setpoint", "SP", "C", 20.0, 5, 40), 1),
    }
    timers = Timers(specs, faces)
    device = DeviceObject(objectIdentifier=("device", INSTANCE), objectName="Timed", vendorIdentifier=999)
    port = free_port()
    network = NetworkPortObject(f"127.0.0.1/8:{port}", objectIdentifier=("network-port", 1), objectName="port")
    application = Stubborn.from_object_list(
        [device, network, *(face.object for face in faces.values()), *timers.objects]
    )
    application.asked = []
    for link in application.link_layers.values():
        await link.server._local_transport_ready.wait()
    try:
        yield DeviceRef(network=0, address=f"127.0.0.1:{port}", instance=INSTANCE), application, timers
    finally:
        application.close()
