"""A person has looked at a device in quarantine: recorded first, then done, then recorded how it ended."""

from __future__ import annotations

from contextlib import suppress

from facility.answers import sentence
from facility.audit import Audit, AuditUnavailable
from facility.guard import REASON_LENGTH
from facility.port import FacilityError
from facility.survey import Survey
from facility.users import User
from points.discovery import NotApprovable
from points.errors import PointsError
from points.model import Device


async def approved(device: Device, reason: str, *, user: User, audit: Audit, survey: Survey) -> None:
    """Ends the quarantine of `device`. Raises `FacilityError` where it may not or cannot be."""
    if len(reason.strip()) < REASON_LENGTH:
        raise FacilityError("bad-wish", f"An approval needs a reason of {REASON_LENGTH} characters or more.")
    if not device.quarantine:
        raise FacilityError("bad-wish", f"{device.id} is not in quarantine.")
    try:
        seq = await audit.intent(
            by=user.by, role=user.role, origin=user.origin, action="approve", target=device.id, reason=reason
        )
        try:
            await survey.approve(device.id)
        except PointsError as error:
            await audit.result(seq, f"not approved: {error}")
            raise
    except NotApprovable as error:
        raise FacilityError("bad-wish", str(error)) from None
    except PointsError as error:
        raise FacilityError("busy", f"{sentence(error)} Nothing was approved.") from None
    with suppress(AuditUnavailable):  # it is owed, and written first when the audit can be
        await audit.result(seq, f"approved; it was in quarantine: {device.quarantine}")
