"""The envelope of a BACnet/IP datagram: BVLL and NPDU (ASHRAE 135, Annex J and clause 6).

`parse` finds the APDU and who sent it; what is no APDU for this station (network-layer messages,
other BVLL functions, somebody else's network) is None and belongs to bacpypes3.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from points.errors import ProtocolError

BVLL = 0x81  # BACnet/IP
FORWARDED, UNICAST, BROADCAST = 0x04, 0x0A, 0x0B
_ORIGINAL = frozenset({UNICAST, BROADCAST})
_VERSION = 1
_NETWORK_MESSAGE, _HAS_DESTINATION, _HAS_SOURCE, _EXPECTING_REPLY = 0x80, 0x20, 0x08, 0x04
_EVERY_NETWORK = 0xFFFF
_MOST_HOPS = b"\xff"
_LONGEST = 0xFFFF  # octets: what the BVLL's length can say


class Frame(NamedTuple):
    """Where an APDU came from, and where in the datagram it starts."""

    network: int  # SNET; 0: the sender is the datagram's own
    station: bytes  # SADR; empty: the sender is the datagram's own
    forwarded: tuple[str, int] | None  # who sent a Forwarded-NPDU in the first place
    apdu: int


_DIRECT = Frame(0, b"", None, 6)  # nearly every frame: four octets of BVLL, two of NPDU


def parse(octets: bytes) -> Frame | None:
    """The envelope of a datagram with an APDU for us; None when it is for somebody else to read."""
    length = len(octets)
    if length < 4 or octets[0] != BVLL:
        raise ProtocolError("the datagram is not BACnet/IP")
    if octets[2] << 8 | octets[3] != length:
        raise ProtocolError("the datagram is not as long as it says")
    function = octets[1]
    if function in _ORIGINAL:
        if length > 6 and octets[4] == _VERSION and not octets[5] & (_NETWORK_MESSAGE | _HAS_DESTINATION | _HAS_SOURCE):
            return _DIRECT
        return _npdu(octets, 4, None)
    if function == FORWARDED:
        if length < 10:
            raise ProtocolError("the datagram ends in its forwarding address")
        host = f"{octets[4]}.{octets[5]}.{octets[6]}.{octets[7]}"
        return _npdu(octets, 10, (host, octets[8] << 8 | octets[9]))
    return None


def _npdu(octets: bytes, at: int, forwarded: tuple[str, int] | None) -> Frame | None:
    """The NPDU that starts at `at`. Its fields are in the order of figure 6-1."""
    end = len(octets)
    if at + 2 > end or octets[at] != _VERSION:
        raise ProtocolError("the NPDU is of no version we know")
    control = octets[at + 1]
    at += 2
    destination = None
    if control & _HAS_DESTINATION:
        destination, _, at = _address(octets, at, end)
    network, station = 0, b""
    if control & _HAS_SOURCE:
        network, station, at = _address(octets, at, end)
        if not station or network == _EVERY_NETWORK:
            raise ProtocolError("the NPDU's source is no single station")
    if control & _HAS_DESTINATION:
        at += 1  # hop count
    if control & _NETWORK_MESSAGE:
        return None
    if at >= end:
        raise ProtocolError("the NPDU is empty")
    if destination is not None and destination != _EVERY_NETWORK:
        return None
    return Frame(network, station, forwarded, at)


def _address(octets: bytes, at: int, end: int) -> tuple[int, bytes, int]:
    """(network, station, where it ends)"""
    start = at + 3
    stop = start + octets[at + 2] if start <= end else end + 1
    if stop > end:
        raise ProtocolError("the NPDU ends in an address")
    network = octets[at] << 8 | octets[at + 1]
    if network == 0:
        raise ProtocolError("the NPDU names network 0")
    return network, octets[start:stop], stop


@lru_cache(maxsize=8192)
def head(network: int, station: bytes, *, expecting_reply: bool) -> bytes:
    """The NPDU's own octets in front of an APDU for a station; network 0 is the local one."""
    control = _EXPECTING_REPLY if expecting_reply else 0
    if network == 0:
        return bytes((_VERSION, control))
    if not 0 < network < _EVERY_NETWORK or not 0 < len(station) <= 0xFF:
        raise ValueError(f"there is no station of {len(station)} octets on network {network}")
    destination = network.to_bytes(2, "big") + bytes((len(station),)) + station
    return bytes((_VERSION, control | _HAS_DESTINATION)) + destination + _MOST_HOPS


def unicast(npdu_and_apdu: bytes) -> bytes:
    """The datagram for one station: an Original-Unicast-NPDU."""
    length = len(npdu_and_apdu) + 4
    if length > _LONGEST:
        raise ValueError(f"{length} octets do not fit a datagram")
    return bytes((BVLL, UNICAST, length >> 8, length & 0xFF)) + npdu_and_apdu
