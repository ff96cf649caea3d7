"""Addresses: the same place both ways round."""

from __future__ import annotations

import pytest
from bacpypes3.pdu import Address, IPv4Address, RemoteStation
from hypothesis import given
from hypothesis import strategies as st

from points.bacnet.addresses import address_of, device_at
from points.model import DeviceRef


@given(st.integers(1, 65_534), st.binary(min_size=1, max_size=7))
def test_a_routed_address_comes_back_as_it_was(network: int, mac: bytes) -> None:
    address = RemoteStation(network, mac)
    assert address_of(device_at(address, 5)) == address
    assert hash(address_of(device_at(address, 5))) == hash(address)


@given(st.ip_addresses(v=4), st.integers(1, 65_535))
def test_a_local_address_comes_back_as_it_was(host: object, port: int) -> None:
    address = IPv4Address((str(host), port))
    assert address_of(device_at(address, 5)) == address


@pytest.mark.parametrize(
    ("text", "network", "address"),
    [("10:5", 10, "5"), ("10.1.2.3", 0, "10.1.2.3:47808"), ("12:0x0a0b", 12, "0x0a0b"), ("7:254", 7, "254")],
)
def test_addresses_read_as_people_write_them(text: str, network: int, address: str) -> None:
    assert device_at(Address(text), 9) == DeviceRef(network=network, address=address, instance=9)
