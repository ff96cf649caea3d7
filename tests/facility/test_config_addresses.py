"""What `[bacnet]` accepts as a place is a place to the stack, too; what it refuses could not be one."""

from __future__ import annotations

import pytest

from facility.config.addresses import host_and_port, must_be_station, who_is_target
from points.bacnet.addresses import address_of, target_of
from points.model import DeviceRef


@pytest.mark.parametrize("text", ["10.1.2.1", "10.1.2.1:47808", "bbmd", "bbmd.st-mary.example:47809", "BBMD_1"])
def test_a_bbmd_is_a_host_with_or_without_a_port(text: str) -> None:
    assert host_and_port(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":47808",
        "10.1.2",
        "10.1.2.300",
        "10.1.2.1:",
        "10.1.2.1:0",
        "10.1.2.1:65536",
        "10.1.2.1/24",
        "a b",
        "-a",
        "::1",
    ],
)
def test_what_can_be_no_address_is_no_bbmd(text: str) -> None:
    with pytest.raises(ValueError, match="write host:port"):
        host_and_port(text)


@pytest.mark.parametrize(
    "text", ["11:*", "*:*", "10.1.2.3", "10.1.2.3:47808", "11:5", "11:0x0a0b", "65534:*", "11:10.1.2.3:47808"]
)
def test_a_target_is_one_to_the_stack_too(text: str) -> None:
    assert who_is_target(text) == text
    target_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "banana",
        "eth0",
        "5",
        "*",
        "0:*",
        "65535:*",
        "11",
        "11:",
        "11:300",
        "11:banana",
        "10.1.2.300",
        "10.1.2.3:99999",
    ],
)
def test_what_is_no_target_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(ValueError, match="no place to look; write"):
        who_is_target(text)


@pytest.mark.parametrize(
    ("network", "address"),
    [
        (0, "10.1.2.3"),
        (0, "10.1.2.3:47808"),
        (0, "0x0a010203bac0"),
        (11, "0"),
        (11, "255"),
        (11, "0x0A"),
        (11, "10.1.2.3"),
    ],
)
def test_a_listed_address_is_one_to_the_stack_too(network: int, address: str) -> None:
    must_be_station(network, address)
    address_of(DeviceRef(network=network, address=address, instance=1))


@pytest.mark.parametrize(
    ("network", "address"),
    [
        *((0, text) for text in ("", "banana", "12", "0x0a", "10.1.2", "10.1.2.3:99999", "10.1.2.3:0")),
        *((11, text) for text in ("", "banana", "256", "0x", "0xzz", "0x0", "-1", "\u00b2", "10.1.2")),
    ],
)
def test_a_listed_address_that_can_be_none_is_refused(network: int, address: str) -> None:
    with pytest.raises(ValueError, match="write"):
        must_be_station(network, address)
