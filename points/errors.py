"""What can go wrong on the way to a device, told by who can do something about it.

PointsError
├── DeviceError              the device, or the way to it
│   ├── DeviceSilent         no answer in time
│   ├── DeviceRefused        it answered: error, reject or abort (carries the BACnet names)
│   └── ProtocolError        it answered with something that cannot be what was asked for
│       └── AnsweredForAnother   the answer is about objects that were not asked for
├── UnknownPoint             no such point in the catalog
└── BacnetUnavailable        our own socket: port in use, no such interface, BBMD refused
"""


class PointsError(Exception):
    """Any error of this package; its text is fit for a person."""


class DeviceError(PointsError):
    """The device, or the way to it."""


class DeviceSilent(DeviceError):
    """No answer in time."""


class DeviceRefused(DeviceError):
    """The device said no. `code` is the hyphenated BACnet error code, reject or abort reason."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(DeviceError):
    """The answer cannot be what was asked for. Counted with the sender's name, never a value."""


class AnsweredForAnother(ProtocolError):
    """The answer is about objects or properties that were not asked for: somebody else's, or an old one."""


class UnknownPoint(PointsError):
    """No such point in the catalog."""


class BacnetUnavailable(PointsError):
    """Our own socket could not be opened or registered."""
