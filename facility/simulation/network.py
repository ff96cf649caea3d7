"""The hospital's BACnet internetwork: a router that is also the BBMD, and a virtual network behind it.

The router accepts foreign devices; that is how an agent on the same host takes part.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

from bacpypes3.app import Application
from bacpypes3.basetypes import IPMode
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.vlan import VirtualNetwork

from facility.simulation.spec import DeviceSpec
from facility.simulation.station import LARGEST_APDU, SEGMENTS, Station, restart_properties

VIRTUAL_NETWORK = 10
IP_NETWORK = 1
ROUTER_INSTANCE = 10000
ROUTER_MAC = b"\xfe"  # 254, above every device
INTERFACE = "hospital"


class PortInUse(Exception):
    """Somebody else has the UDP port."""


def require_free_port(host: str, port: int) -> None:
    """bacpypes3 would share the port with whoever has it and retry in silence if it cannot: ask first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as refused:
            raise PortInUse(f"UDP port {port} on {host} cannot be used: {refused.strerror}.") from refused


class Internetwork:
    """The router and every station. Answers once `listening` has returned."""

    def __init__(self, host: str, port: int, devices: Iterable[DeviceSpec]) -> None:
        require_free_port(host, port)
        VirtualNetwork(INTERFACE)
        self._router = _router(host, port)
        self.stations = {spec.name: Station(spec, INTERFACE) for spec in devices}

    @property
    def devices(self) -> int:
        """All that answer a Who-Is, the router included."""
        return len(self.stations) + 1

    @property
    def points(self) -> int:
        return sum(len(station.faces) for station in self.stations.values())

    async def listening(self) -> None:
        """Waits until the socket is bound; bacpypes3 does that in tasks of its own."""
        for link in self._router.link_layers.values():
            if server := getattr(link, "server", None):
                await server._local_transport_ready.wait()  # noqa: SLF001 (bacpypes3 has no other way to ask)

    def close(self) -> None:
        self._router.close()


def _router(host: str, port: int) -> Application:
    device = DeviceObject(
        objectIdentifier=("device", ROUTER_INSTANCE),
        objectName="Campus Router 1",
        description="BACnet router and BBMD of the hospital, main building",
        vendorIdentifier=1410,
        vendorName="Northfield Networks",
        modelName="BR-2 Router/BBMD",
        firmwareRevision="4.2.1",
        serialNumber="1410-010000",
        maxApduLengthAccepted=LARGEST_APDU,
        maxSegmentsAccepted=SEGMENTS,
        **restart_properties("coldstart"),
    )
    ip_port = NetworkPortObject(
        f"{host}/8:{port}",
        objectIdentifier=("network-port", 1),
        objectName="BACnet/IP",
        networkNumber=IP_NETWORK,
        networkNumberQuality="configured",
        bbmdBroadcastDistributionTable=[],
        bbmdAcceptFDRegistrations=True,
        bbmdForeignDeviceTable=[],
    )
    ip_port.bacnetIPMode = IPMode.bbmd
    virtual_port = NetworkPortObject(
        objectIdentifier=("network-port", 2),
        objectName="Field Network",
        networkType="virtual",
        protocolLevel="bacnet-application",
        networkInterfaceName=INTERFACE,
        macAddress=ROUTER_MAC,
        networkNumber=VIRTUAL_NETWORK,
        networkNumberQuality="configured",
        outOfService=False,
        changesPending=False,
        reliability="no-fault-detected",
    )
    return Application.from_object_list([device, ip_port, virtual_port])
