"""What bacpypes3 throws, returns or leaves out, as errors that the rest of us can catch.

A device's "no" (`ErrorRejectAbortNack`) derives from BaseException and sometimes is returned
instead of raised: both end here.
"""

from __future__ import annotations

from typing import Any

from bacpypes3.apdu import AbortPDU, AbortReason, ErrorRejectAbortNack, RejectPDU, RejectReason

from points.bacnet.wire.replies import NO_ROUTE
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError

Refusal = ErrorRejectAbortNack


def device_error(answer: Any, about: str) -> DeviceError:
    """The error that a refusal is to us."""
    match answer:
        case AbortPDU():
            reason = str(AbortReason(answer.apduAbortRejectReason))
            if reason == "no-response" and not answer.apduSrv:  # made by our own side when the time was up
                return DeviceSilent(f"{about}: no answer")
            return DeviceRefused(f"{about}: aborted ({reason})", reason)
        case RejectPDU():
            reason = str(RejectReason(answer.apduAbortRejectReason))
            return DeviceRefused(f"{about}: rejected ({reason})", reason)
    if answer.apduInvokeID is None:  # the library's stand-in for an answer that it could not decode
        return ProtocolError(f"{about}: the answer cannot be decoded")
    code = str(getattr(answer, "errorCode", None) or "other")
    if code in NO_ROUTE:
        return DeviceSilent(f"{about}: no router leads there ({code})")
    return DeviceRefused(f"{about}: refused ({code})", code)
