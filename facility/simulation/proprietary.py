"""One vendor's own object type and property, as BACnet allows and the field is full of.

bacpypes3 finds the vendor's names by `_vendor_id` in the module that defines the class.
"""

from __future__ import annotations

from bacpypes3.basetypes import PropertyIdentifier
from bacpypes3.local.object import Object
from bacpypes3.primitivedata import ObjectType, Unsigned
from bacpypes3.vendor import VendorInfo

VENDOR_ID = 1412  # of the make that has this object type
OBJECT_TYPE = 131
PROPERTY = 1001

_vendor_id = VENDOR_ID


class VendorObjectType(ObjectType):  # type: ignore[misc]  # bacpypes3 is untyped
    transferCounter = OBJECT_TYPE  # noqa: N815 (becomes "transfer-counter")


class VendorProperty(PropertyIdentifier):  # type: ignore[misc]  # bacpypes3 is untyped
    transferCount = PROPERTY  # noqa: N815 (becomes "transfer-count")


VendorInfo(VENDOR_ID, VendorObjectType, VendorProperty)


class TransferCounterObject(Object):  # type: ignore[misc]  # bacpypes3 is untyped
    """Has no present value at all: only a property nobody else knows."""

    objectType = VendorObjectType("transferCounter")  # noqa: N815 (BACnet's names)
    transferCount: Unsigned  # noqa: N815 (BACnet's names)

    async def _post_init(self) -> None:
        """bacpypes3 looks for a notification class, which this type of object does not have."""
