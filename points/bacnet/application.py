"""bacpypes3's Application with our ears: every I-Am and every COV notification reaches us.

It answers Who-Is and reads of its own device object, and refuses every write: this agent has
nothing in it that the network may change.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

from bacpypes3.apdu import (
    ConfirmedCOVNotificationRequest,
    IAmRequest,
    SimpleAckPDU,
    UnconfirmedCOVNotificationRequest,
)
from bacpypes3.app import Application
from bacpypes3.appservice import ABORTED, ApplicationServiceAccessPoint
from bacpypes3.basetypes import Segmentation
from bacpypes3.comm import bind
from bacpypes3.errors import ExecutionError
from bacpypes3.local.device import DeviceObject
from bacpypes3.netservice import NetworkServiceAccessPoint, NetworkServiceElement

from points.bacnet.addresses import device_at
from points.bacnet.answers import Refusal
from points.bacnet.port import Datum, IAm, Notification
from points.bacnet.values import decode
from points.errors import ProtocolError
from points.model import DeviceRef

MAX_APDU = 1476  # octets: what fits an Ethernet frame as BACnet/IP (ASHRAE 135, Annex J)
MAX_SEGMENTS = 65  # encoded as "more than 64"; object lists of big controllers need far more than the default 16
SEGMENT_TIMEOUT = 2000  # milliseconds


class Listener(Application):  # type: ignore[misc]  # the library is untyped
    """The one application of a stack. Make it with `listener`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.i_am_handlers: list[Callable[[IAm], None]] = []
        self.notification_handlers: list[Callable[[Notification], None]] = []
        self.protocol_errors: Counter[str] = Counter()
        self._own_hosts: dict[str, bool] = {}
        self.port = 0

    async def do_IAmRequest(self, apdu: IAmRequest) -> None:  # noqa: N802 - the library calls it by this name
        try:
            heard = IAm(
                device=device_at(apdu.pduSource, int(apdu.iAmDeviceIdentifier[1])),
                max_apdu=int(apdu.maxAPDULengthAccepted),
                segmentation=str(apdu.segmentationSupported),
                vendor_id=int(apdu.vendorID),
            )
        except (TypeError, ValueError, AttributeError, IndexError):
            self.protocol_errors[str(apdu.pduSource)] += 1
            return
        if not self._is_us(heard.device):
            for handler in list(self.i_am_handlers):
                handler(heard)

    async def do_ConfirmedCOVNotificationRequest(self, apdu: ConfirmedCOVNotificationRequest) -> None:  # noqa: N802
        self._notify(apdu)
        await self.response(SimpleAckPDU(context=apdu))

    async def do_UnconfirmedCOVNotificationRequest(  # noqa: N802
        self, apdu: UnconfirmedCOVNotificationRequest
    ) -> None:
        self._notify(apdu)

    async def do_WritePropertyRequest(self, apdu: Any) -> None:  # noqa: N802
        raise ExecutionError(errorClass="property", errorCode="writeAccessDenied")

    async def do_WritePropertyMultipleRequest(self, apdu: Any) -> None:  # noqa: N802
        raise ExecutionError(errorClass="property", errorCode="writeAccessDenied")

    async def confirmation(self, apdu: Any) -> None:
        """As the library has it, but an answer that could not be decoded also ends its request."""
        if isinstance(apdu, Refusal) and apdu.apduInvokeID is None:
            self.protocol_errors[str(apdu.pduSource)] += 1
            waiting = self._requests.get(apdu.pduSource, [])
            if len(waiting) == 1 and not waiting[0][1].done():
                waiting[0][1].set_exception(apdu)
            return
        await super().confirmation(apdu)

    def forget(self, apdu: Any) -> None:
        """Ends the transaction of a request that nobody waits for any more, so that it sends no more."""
        for transaction in list(self.asap.clientTransactions):
            if transaction.invokeID == apdu.apduInvokeID and transaction.pdu_address == apdu.pduDestination:
                transaction.set_state(ABORTED)

    def _notify(self, apdu: Any) -> None:
        sender = str(apdu.pduSource)
        try:
            object_type, instance = apdu.monitoredObjectIdentifier
            device = device_at(apdu.pduSource, int(apdu.initiatingDeviceIdentifier[1]))
            process = int(apdu.subscriberProcessIdentifier)
            values = [
                (str(value.propertyIdentifier), value.propertyArrayIndex, value.value.tagList or ())
                for value in apdu.listOfValues
            ]
        except (TypeError, ValueError, AttributeError, IndexError):
            self.protocol_errors[sender] += 1
            return
        notification = Notification(
            device=device,
            process=process,
            object_type=str(object_type),
            instance=int(instance),
            properties=self._decoded(sender, str(object_type), values),
        )
        for handler in list(self.notification_handlers):
            handler(notification)

    def _decoded(self, sender: str, object_type: str, values: list[tuple[str, int | None, Any]]) -> dict[str, Datum]:
        properties: dict[str, Datum] = {}
        for name, index, tags in values:
            try:
                properties[name] = decode(object_type, name, index, tags)
            except ProtocolError:
                self.protocol_errors[sender] += 1
        return properties

    def _is_us(self, device: DeviceRef) -> bool:
        """Whether we hear ourselves: our own broadcasts come back to a socket bound to 0.0.0.0."""
        host, _, port = device.address.partition(":")
        if device.network or port != str(self.port) or device.instance != self.device_object.objectIdentifier[1]:
            return False
        if host not in self._own_hosts:
            self._own_hosts[host] = _is_own(host)
        return self._own_hosts[host]


def _is_own(host: str) -> bool:
    """The kernel reaches an address of its own from that same address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))  # nothing is sent by connecting a UDP socket
        except OSError:
            return False
        return bool(probe.getsockname()[0] == host)


def listener(*, instance: int, name: str, vendor_id: int, timeout: float) -> Listener:
    """An application with one object: our device."""
    device = DeviceObject(
        objectIdentifier=("device", instance),
        objectName=name,
        vendorIdentifier=vendor_id,
        vendorName="Facility controller agent",
        modelName="facility",
        maxApduLengthAccepted=MAX_APDU,
        maxSegmentsAccepted=MAX_SEGMENTS,
        segmentationSupported=Segmentation.segmentedBoth,
        apduSegmentTimeout=SEGMENT_TIMEOUT,
        apduTimeout=int(timeout * 1000),
        numberOfApduRetries=0,  # retrying is ours: a read may be repeated, a write never blindly
    )
    application = Listener()
    application.asap = ApplicationServiceAccessPoint(device, application.device_info_cache)
    application.nsap = NetworkServiceAccessPoint()
    application.nse = NetworkServiceElement()
    bind(application.nse, application.nsap)
    bind(application, application.asap, application.nsap)
    application.add_object(device)
    return application
