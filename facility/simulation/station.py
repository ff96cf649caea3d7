"""A simulated device on the network: a bacpypes3 application, its objects, and its weaknesses."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bacpypes3.apdu import ErrorRejectAbortNack, SubscribeCOVRequest
from bacpypes3.app import Application, DeviceInfo, DeviceInfoCache
from bacpypes3.basetypes import DateTime, RestartReason, Segmentation, ServicesSupported, TimeStamp
from bacpypes3.errors import ExecutionError
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import Address
from bacpypes3.primitivedata import Date, Time
from bacpypes3.vlan import Network, VirtualNetwork

from facility.simulation.objects import Face
from facility.simulation.spec import DeviceSpec, Quirk, Value
from facility.simulation.timers import Timers

LARGEST_APDU = 1476  # octets, BACnet/IP
SMALL_APDU = 480  # octets, MS/TP
ACK_HEADER = 3  # octets of a complex acknowledgement before its content
SEGMENTS = 64
SUBSCRIPTIONS_OF_A_POOR_DEVICE = 5


class _Application(Application):  # type: ignore[misc]  # bacpypes3 is untyped, here and below
    def cov_confirmation(self, cov: Any, future: asyncio.Future[Any]) -> None:
        """A subscriber that refuses a confirmed notification, or has gone, is not our trouble."""
        if not future.cancelled() and isinstance(future.exception(), ErrorRejectAbortNack):
            return
        super().cov_confirmation(cov, future)

    def forget_subscriptions(self) -> None:
        for detection in list(self._cov_detections.values()):
            for subscription in list(detection.cov_subscriptions):
                self.cancel_subscription(subscription)


class _WithoutReadMultiple(_Application):
    do_ReadPropertyMultipleRequest = None  # noqa: N815  (bacpypes3 then rejects: unrecognized-service)

    def get_services_supported(self) -> ServicesSupported:
        supported = super().get_services_supported()
        supported[ServicesSupported.readPropertyMultiple] = 0
        return supported


class _WithFewSubscriptions(_Application):
    async def do_SubscribeCOVRequest(self, apdu: SubscribeCOVRequest) -> None:  # noqa: N802 (bacpypes3's name)
        standing = [cov for detection in self._cov_detections.values() for cov in detection.cov_subscriptions]
        renewal = any(
            (cov.client_addr, cov.proc_id, cov.obj_id)
            == (apdu.pduSource, apdu.subscriberProcessIdentifier, apdu.monitoredObjectIdentifier)
            for cov in standing
        )
        wanted = apdu.lifetime is not None or apdu.issueConfirmedNotifications is not None
        if wanted and not renewal and len(standing) >= SUBSCRIPTIONS_OF_A_POOR_DEVICE:
            raise ExecutionError(errorClass="resources", errorCode="noSpaceToAddListElement")
        await super().do_SubscribeCOVRequest(apdu)


class _SmallClients(DeviceInfoCache):  # type: ignore[misc]
    """Makes bacpypes3 answer everybody in at most 480 octets: the device cannot send more than it takes."""

    async def get_device_info(self, addr: Address | int) -> DeviceInfo:
        known = await super().get_device_info(addr) or DeviceInfo(0, addr, max_apdu_length_accepted=None)
        known.max_npdu_length = SMALL_APDU - ACK_HEADER
        return known


def restart_properties(reason: str) -> dict[str, Any]:
    now = datetime.now(UTC).astimezone()
    stamp = DateTime(date=Date((now.year - 1900, now.month, now.day, now.isoweekday())), time=Time(now.time()))
    return {"lastRestartReason": RestartReason(reason), "timeOfDeviceRestart": TimeStamp(dateTime=stamp)}


class Station:
    """One device, plugged into the virtual network."""

    def __init__(self, spec: DeviceSpec, network: str) -> None:
        self.spec = spec
        self._network = VirtualNetwork._networks[network]  # noqa: SLF001 (bacpypes3 has no other way to ask)
        small = Quirk.SMALL_APDU in spec.quirks
        self._device = DeviceObject(
            objectIdentifier=("device", spec.instance),
            objectName=spec.name,
            description=spec.description,
            vendorIdentifier=spec.make.vendor_id,
            vendorName=spec.make.vendor,
            modelName=spec.make.model,
            firmwareRevision=spec.make.firmware,
            applicationSoftwareVersion="1.4",
            serialNumber=f"{spec.make.vendor_id:04d}-{spec.instance:06d}",
            databaseRevision=revision(spec),
            maxApduLengthAccepted=SMALL_APDU if small else LARGEST_APDU,
            segmentationSupported=Segmentation.noSegmentation if small else Segmentation.segmentedBoth,
            maxSegmentsAccepted=SEGMENTS,
            **restart_properties("coldstart"),
        )
        port = NetworkPortObject(
            objectIdentifier=("network-port", 1),
            objectName="Network Port 1",
            networkType="virtual",
            protocolLevel="bacnet-application",
            networkInterfaceName=network,
            macAddress=_mac(spec.instance),
            networkNumber=0,
            networkNumberQuality="unknown",
            outOfService=False,
            changesPending=False,
            reliability="no-fault-detected",
        )
        self.faces = _faces(spec)
        self.timers = Timers(spec.timers, self.faces)
        self.application = _application_class(spec).from_object_list(
            [self._device, port, *(face.object for face in self.faces.values()), *self.timers.objects],
            device_info_cache=_SmallClients() if small else None,
        )
        (self._link,) = self.application.link_layers.values()
        self._commanded = [(role, face) for role, face in self.faces.items() if face.commandable]

    def commands(self) -> dict[str, float]:
        return {role: face.effective for role, face in self._commanded}

    def following(self) -> frozenset[str]:
        """The commandable points that are what the device's own controller asks for."""
        return frozenset(role for role, face in self._commanded if face.follows)

    def show(self, values: Mapping[str, Value]) -> None:
        """Of what the equipment says, a device shows the points it has."""
        for role, value in values.items():
            if role in self.faces:
                self.faces[role].show(value)

    def ignore_commands(self) -> None:
        """From now on it acknowledges what it is told to do, and does not do it."""
        for _, face in self._commanded:
            face.object.ignore()

    def unplug(self) -> None:
        """From now on neither hears nor is heard: it sits on a network of its own."""
        self._network.remove_node(self._link.node)
        Network(f"beside {self.spec.name}").add_node(self._link.node)

    def plug_in(self) -> None:
        self._link.node.lan.remove_node(self._link.node)
        self._network.add_node(self._link.node)

    def power_cycle(self) -> None:
        """Commands and subscriptions are gone; the device says when and why it started."""
        self.application.forget_subscriptions()
        for face in self.faces.values():
            face.power_cycle()
        self.timers.power_cycle()
        self._device.databaseRevision += 1
        for name, value in restart_properties("detected-power-lost").items():
            setattr(self._device, name, value)

    def announce(self) -> None:
        self.application.i_am()


def _application_class(spec: DeviceSpec) -> type[_Application]:
    if Quirk.NO_READ_MULTIPLE in spec.quirks:
        return _WithoutReadMultiple
    return _WithFewSubscriptions if Quirk.FEW_SUBSCRIPTIONS in spec.quirks else _Application


def _faces(spec: DeviceSpec) -> dict[str, Face]:
    instances: dict[str, int] = {}
    faces = {}
    for point in spec.points:
        instances[point.kind] = instances.get(point.kind, 0) + 1
        faces[point.role] = Face(point, instances[point.kind])
    return faces


def revision(spec: DeviceSpec) -> int:
    """Another one when its objects are others: an agent that knows the hospital of an older release asks again."""
    said = [f"{point.kind} {point.name} {point.commandable}" for point in spec.points]
    objects = "\n".join([*said, *(timer.name for timer in spec.timers)])
    return zlib.crc32(objects.encode()) >> 1


def _mac(instance: int) -> bytes:
    """Devices are numbered from 10001; their station address is the rest, in one octet."""
    return bytes([instance - 10000])
