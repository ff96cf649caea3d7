"""The texts of `[bacnet]` that say where: told apart from what can be no address, without touching anything.

What is let through here, `points.bacnet.addresses` can make an address of.
"""

from __future__ import annotations

import ipaddress
import re

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII)
_OCTETS = re.compile(r"0x(?:[0-9A-Fa-f]{2}){1,7}")
_LAST_MAC, _LAST_NETWORK, _LAST_PORT = 255, 65_534, 65_535
_IP_MAC = 6  # octets of a B/IP MAC


def host_and_port(text: str) -> str:
    """A BBMD: a name or an IPv4 address, with or without a port."""
    host, colon, port = text.partition(":")
    if not (_is_host(host) and (not colon or _is_port(port))):
        raise ValueError(f'{text!r} is no BBMD; write host:port, such as "10.1.2.1:47808"')
    return text


def who_is_target(text: str) -> str:
    """Where a Who-Is can be sent to: everywhere, a network, a device of one, an IP address."""
    network, colon, station = text.partition(":")
    fits = text == "*:*" or _is_ip(text)
    if not fits and colon and _number(network, _LAST_NETWORK):
        fits = station == "*" or _is_mac(station)
    if not fits:
        raise ValueError(
            f'{text!r} is no place to look; write "11:*" (all of network 11), "11:5" (a device of it), '
            '"10.1.2.3" or "10.1.2.3:47808" (an address), or "*:*" (everywhere)'
        )
    return text


def must_be_station(network: int, address: str) -> None:
    """Raises ValueError if a device of that network cannot have that address."""
    if network:
        if not _is_mac(address):
            raise ValueError(
                f"address {address!r} is no MAC on network {network}; write 0 to {_LAST_MAC} (MS/TP), "
                '"0x0a0b" (octets), or "10.1.2.3:47808" (BACnet/IP)'
            )
    elif not (_is_ip(address) or _is_octets(address, _IP_MAC)):
        hint = "; for an MS/TP device write its network, too" if _number(address, _LAST_MAC) is not None else ""
        raise ValueError(
            f'address {address!r} is no IPv4 address, as the local network needs; write "10.1.2.3:47808"{hint}'
        )


def _is_host(text: str) -> bool:
    if re.fullmatch(r"[0-9.]+", text):
        return _is_ip(text)
    return len(text) <= 253 and _HOST.fullmatch(text) is not None


def _is_mac(text: str) -> bool:
    return _number(text, _LAST_MAC) is not None or _is_octets(text) or _is_ip(text)


def _is_octets(text: str, length: int | None = None) -> bool:
    return _OCTETS.fullmatch(text) is not None and length in (None, len(text) // 2 - 1)


def _is_ip(text: str) -> bool:
    host, colon, port = text.partition(":")
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return not colon or _is_port(port)


def _is_port(text: str) -> bool:
    return bool(_number(text, _LAST_PORT))


def _number(text: str, most: int) -> int | None:
    """The number that the text is, if it is none above the most."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > most:
        return None
    return int(text)
