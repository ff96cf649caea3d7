"""Where a device is, in our words (`DeviceRef`) and in the library's (`Address`).

Both ways round: `address_of(device_at(address, instance)) == address` for every unicast address.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any

from bacpypes3.pdu import Address, IPv4Address, RemoteStation

from points.model import DeviceRef

LOCAL = 0  # the network we are on has no number that we need
_IP_MAC = 6  # octets of a B/IP MAC: four of address, two of port


def device_at(address: Any, instance: int) -> DeviceRef:
    """The device of that instance at the library's `address`."""
    return DeviceRef(network=address.addrNet or LOCAL, address=_shown(bytes(address.addrAddr)), instance=instance)


def address_of(device: DeviceRef) -> Any:
    """The library's address of a device; ValueError if its text is none."""
    return _address(device.network, device.address)


def target_of(target: str) -> Any:
    """The library's address of what a Who-Is may be sent to: "11:*", "*:*", "10.1.2.3", "11:5"."""
    return Address(target)


@lru_cache(maxsize=8192)
def _address(network: int, address: str) -> Any:
    mac = _octets(address)
    if network != LOCAL:
        return RemoteStation(network, mac)
    return IPv4Address((str(ipaddress.IPv4Address(mac[:4])), int.from_bytes(mac[4:], "big")))


def _shown(mac: bytes) -> str:
    if len(mac) == 1:
        return str(mac[0])
    if len(mac) == _IP_MAC:
        return f"{ipaddress.IPv4Address(mac[:4])}:{int.from_bytes(mac[4:], 'big')}"
    return f"0x{mac.hex()}"


def _octets(address: str) -> bytes:
    if address.startswith("0x"):
        return bytes.fromhex(address[2:])
    if address.isdigit():
        return bytes([int(address)])
    host, _, port = address.partition(":")
    return ipaddress.IPv4Address(host).packed + int(port or 0xBAC0).to_bytes(2, "big")


@lru_cache(maxsize=8192)
def sender_of(device: DeviceRef) -> tuple[str, int]:
    """Where datagrams of a device on our own network come from; ValueError if its address is none of IP."""
    address = _address(LOCAL, device.address)
    host, port = address.addrTuple
    return str(host), int(port)


@lru_cache(maxsize=8192)
def station_of(device: DeviceRef) -> bytes:
    """The MAC of a device on a network behind a router; ValueError if its address is none."""
    return _octets(device.address)


@lru_cache(maxsize=65536)
def device_of(sender: tuple[str, int], network: int, station: bytes, instance: int) -> DeviceRef:
    """The device that a datagram came from."""
    shown = _shown(station) if network else f"{sender[0]}:{sender[1]}"
    return DeviceRef(network=network, address=shown, instance=instance)
