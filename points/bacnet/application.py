"""bacpypes3's Application with our ears: every I-Am reaches us, and every acknowledgement as octets.

It answers Who-Is and reads of its own device object, and refuses every write: this agent has
nothing in it that the network may change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bacpypes3.apdu import ComplexAckPDU, IAmRequest
from bacpypes3.app import Application
from bacpypes3.appservice import ABORTED, AWAIT_CONFIRMATION, ApplicationServiceAccessPoint
from bacpypes3.basetypes import Segmentation
from bacpypes3.comm import ServiceAccessPoint, bind
from bacpypes3.errors import ExecutionError
from bacpypes3.local.device import DeviceObject
from bacpypes3.netservice import NetworkServiceAccessPoint, NetworkServiceElement

from points.bacnet.addresses import device_at, sender_of
from points.bacnet.answers import Refusal
from points.bacnet.peers import FIRST_ID
from points.bacnet.port import IAm
from points.bacnet.quicker import quicken
from points.bacnet.senders import Senders
from points.model import DeviceRef

MAX_APDU = 1476  # octets: what fits an Ethernet frame as BACnet/IP (ASHRAE 135, Annex J)
MAX_SEGMENTS = 65  # encoded as "more than 64"; object lists of big controllers need far more than the default 16
SEGMENT_TIMEOUT = 2000  # milliseconds

quicken()


class Listener(Application):  # type: ignore[misc]  # the library is untyped
    """The one application of a stack. Make it with `listener`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.i_am_handlers: list[Callable[[IAm], None]] = []
        self.protocol_errors = Senders()
        self.is_own: Callable[[tuple[str, int]], bool] = lambda _sender: False
        self._id = 0

    @property
    def next_invoke_id(self) -> int:
        """Of the lower half: the upper is the fast lane's."""
        return self._id

    @next_invoke_id.setter
    def next_invoke_id(self, id_: int) -> None:
        self._id = id_ % FIRST_ID

    async def do_IAmRequest(self, apdu: IAmRequest) -> None:  # noqa: N802 - the library calls it by this name
        try:
            heard = IAm(
                device=device_at(apdu.pduSource, int(apdu.iAmDeviceIdentifier[1])),
                max_apdu=int(apdu.maxAPDULengthAccepted),
                segmentation=str(apdu.segmentationSupported),
                vendor_id=int(apdu.vendorID),
            )
        except (TypeError, ValueError, AttributeError, IndexError):
            self.protocol_errors.count(str(apdu.pduSource))
            return
        if not self._is_us(heard.device):
            for handler in list(self.i_am_handlers):
                handler(heard)

    async def do_WritePropertyRequest(self, apdu: Any) -> None:  # noqa: N802
        raise ExecutionError(errorClass="property", errorCode="writeAccessDenied")

    async def do_WritePropertyMultipleRequest(self, apdu: Any) -> None:  # noqa: N802
        raise ExecutionError(errorClass="property", errorCode="writeAccessDenied")

    async def confirmation(self, apdu: Any) -> None:
        """As the library has it, but an answer that could not be decoded also ends its request."""
        if isinstance(apdu, Refusal) and apdu.apduInvokeID is None:
            self.protocol_errors.count(str(apdu.pduSource))
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

    def _is_us(self, device: DeviceRef) -> bool:
        """Whether we hear ourselves, directly or by a BBMD."""
        mine = device.instance == self.device_object.objectIdentifier[1]
        return mine and not device.network and self.is_own(sender_of(device))


class RawAnswers(ApplicationServiceAccessPoint):  # type: ignore[misc]  # the library is untyped
    """Hands acknowledgements over as the octets they are, put together from their segments: we decode them.

    It also waits as long as a device was found to need, where that is not the library's one time-out for all.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.patience: dict[Any, int] = {}  # milliseconds, by address

    async def sap_indication(self, apdu: Any) -> None:
        await super().sap_indication(apdu)
        patience = self.patience.get(apdu.pduDestination)
        if patience is None:
            return
        for transaction in self.clientTransactions:
            theirs = (transaction.pdu_address, transaction.invokeID) == (apdu.pduDestination, apdu.apduInvokeID)
            if theirs and transaction.state == AWAIT_CONFIRMATION:
                transaction.restart_timer(patience)

    async def sap_response(self, apdu: Any) -> None:
        if isinstance(apdu, ComplexAckPDU):
            await ServiceAccessPoint.sap_response(self, apdu)
        else:
            await super().sap_response(apdu)


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
    application.asap = RawAnswers(device, application.device_info_cache)
    application.nsap = NetworkServiceAccessPoint()
    application.nse = NetworkServiceElement()
    bind(application.nse, application.nsap)
    bind(application, application.asap, application.nsap)
    application.add_object(device)
    return application
