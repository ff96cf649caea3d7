"""Envelopes: whose APDU it is, and where it starts."""

from __future__ import annotations

import pytest
from bacpypes3.errors import DecodingError
from bacpypes3.npdu import NPDU
from bacpypes3.pdu import PDU, Address, GlobalBroadcast
from hypothesis import given
from hypothesis import strategies as st
from wire_octets import mutated

from points.bacnet.wire import frames
from points.bacnet.wire.frames import Frame
from points.errors import ProtocolError

APDU = bytes.fromhex("300b0c0c00000005 1955 3e4442900000 3f".replace(" ", ""))


def datagram(npdu: str, apdu: bytes = APDU, function: int = frames.UNICAST, origin: str = "") -> bytes:
    content = bytes.fromhex(origin) + bytes.fromhex(npdu) + apdu
    return bytes((0x81, function)) + (len(content) + 4).to_bytes(2, "big") + content


@pytest.mark.parametrize("function", [frames.UNICAST, frames.BROADCAST])
def test_a_neighbour_answers(function: int) -> None:
    octets = datagram("0100", function=function)
    assert frames.parse(octets) == Frame(0, b"", None, 6)
    assert octets[6:] == APDU


@pytest.mark.parametrize(
    ("npdu", "network", "station"),
    [
        ("0108 0005 01 0b", 5, b"\x0b"),  # MS/TP behind a router
        ("0108 fffe 06 0a010203bac0", 0xFFFE, bytes.fromhex("0a010203bac0")),
        ("0108 0001 07 01020304050607", 1, bytes.fromhex("01020304050607")),
        ("012c ffff 00 0005 01 0b fe", 5, b"\x0b"),  # a routed broadcast, expecting reply
        ("0120 ffff 00 ff", 0, b""),
        ("0123 ffff 02 aabb ff", 0, b""),  # with a priority, and an address that a broadcast needs not
    ],
)
def test_a_station_behind_a_router_answers(npdu: str, network: int, station: bytes) -> None:
    octets = datagram(npdu)
    frame = frames.parse(octets)
    assert frame is not None
    assert (frame.network, frame.station, frame.forwarded) == (network, station, None)
    assert octets[frame.apdu :] == APDU


def test_a_forwarded_datagram_says_who_sent_it_first() -> None:
    octets = datagram("0100", function=frames.FORWARDED, origin="0a010203bac0")
    assert frames.parse(octets) == Frame(0, b"", ("10.1.2.3", 47808), 12)
    octets = datagram("0108 0005 01 0b", function=frames.FORWARDED, origin="0a010203bac1")
    assert frames.parse(octets) == Frame(5, b"\x0b", ("10.1.2.3", 47809), 16)


@pytest.mark.parametrize(
    "octets",
    [
        datagram("0180 01 0005", b""),  # I-Am-Router-To-Network
        datagram("0188 0005 01 0b 01 0006", b""),
        datagram("0120 0007 01 0b ff"),  # for a network that we are not
        bytes.fromhex("810000060000"),  # BVLC-Result
        bytes.fromhex("8105000601 2c".replace(" ", "")),  # Register-Foreign-Device
        datagram("0100", function=0x09),  # Distribute-Broadcast-To-Network
    ],
)
def test_what_is_no_apdu_for_us_is_somebody_elses(octets: bytes) -> None:
    assert frames.parse(octets) is None


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x81",
        b"\x81\x0a\x00",
        b"\x82\x0a\x00\x06\x01\x00",
        b"\x81\x0a\x00\x07\x01\x00",  # longer than it is
        b"\x81\x0a\x00\x08\x01\x00\x10\x08\x00",  # shorter than it is
        datagram("0100", b""),
        datagram("01", b""),
        datagram("0200"),  # another version
        datagram("0108 0005 00"),  # a source that is a broadcast
        datagram("0108 ffff 01 0b"),
        datagram("0108 0000 01 0b"),
        datagram("0108 0005 ff 0b", b""),
        datagram("0108 00", b""),
        datagram("0120 ffff 00", b""),  # ends before its hop count
        datagram("0120 ffff 00 ff", b""),
        datagram("", b"", function=frames.FORWARDED, origin="0a0102"),
    ],
)
def test_what_cannot_be_a_datagram_is_an_error(octets: bytes) -> None:
    with pytest.raises(ProtocolError):
        frames.parse(octets)


def test_a_request_is_put_in_its_envelope() -> None:
    assert frames.head(0, b"", expecting_reply=True) == bytes.fromhex("0104")
    assert frames.head(0, b"", expecting_reply=False) == bytes.fromhex("0100")
    assert frames.head(5, b"\x0b", expecting_reply=True) == bytes.fromhex("01240005010bff")
    assert frames.head(1999, bytes(6), expecting_reply=False) == bytes.fromhex("012007cf06000000000000ff")
    assert frames.unicast(b"\x01\x04" + b"x" * 300) == b"\x81\x0a\x01\x32\x01\x04" + b"x" * 300


@pytest.mark.parametrize(("network", "station"), [(-1, b"a"), (0xFFFF, b"a"), (5, b""), (5, bytes(256))])
def test_no_envelope_is_made_for_no_station(network: int, station: bytes) -> None:
    with pytest.raises(ValueError, match="no station"):
        frames.head(network, station, expecting_reply=True)


def test_no_datagram_is_longer_than_it_can_say() -> None:
    with pytest.raises(ValueError, match="fit"):
        frames.unicast(bytes(0x10000))


@given(st.integers(0, 0xFFFE), st.binary(min_size=1, max_size=7), st.booleans())
def test_the_library_reads_our_envelopes(network: int, station: bytes, expecting: bool) -> None:
    npdu = NPDU.decode(PDU(frames.head(network, station, expecting_reply=expecting) + APDU))
    assert npdu.pduExpectingReply == expecting
    assert bytes(npdu.pduData) == APDU
    if network:
        assert npdu.npduDADR == Address(f"{network}:0x{station.hex()}")
        assert npdu.npduHopCount == 255


npdus = st.builds(
    lambda priority, source, broadcast: (
        bytes((1, priority | (0x08 if source else 0) | (0x20 if broadcast else 0)))
        + (b"\xff\xff\x00" if broadcast else b"")
        + (source[0].to_bytes(2, "big") + bytes((len(source[1]),)) + source[1] if source else b"")
        + (b"\xff" if broadcast else b"")
        + APDU
    ),
    st.sampled_from([0, 1, 2, 3, 4]),
    st.none() | st.tuples(st.integers(1, 0xFFFE), st.binary(min_size=1, max_size=7)),
    st.booleans(),
)


@given(npdus | mutated(npdus))
def test_the_library_reads_the_same_of_an_envelope(npdu: bytes) -> None:
    try:
        frame = frames.parse(frames.unicast(npdu))
        theirs = NPDU.decode(PDU(npdu))
    except (ProtocolError, DecodingError, ValueError):
        return  # the library is given to ValueErrors about networks and addresses
    if frame is None:
        assert theirs.npduNetMessage is not None or not isinstance(theirs.npduDADR, GlobalBroadcast)
        return
    source = theirs.npduSADR
    assert (frame.network, frame.station) == ((source.addrNet, source.addrAddr) if source else (0, b""))
    assert bytes(theirs.pduData) == npdu[frame.apdu - 4 :]


def lengthened(octets: bytes) -> bytes:
    """With the length that it has, so that its mutations are not all refused for that."""
    return octets[:2] + len(octets).to_bytes(2, "big") + octets[4:] if len(octets) >= 4 else octets


@given(
    st.one_of(
        st.binary(max_size=64),
        mutated(npdus.map(frames.unicast)).map(lengthened),
        st.tuples(st.sampled_from([4, 10, 11]), st.binary(max_size=40)).map(
            lambda both: lengthened(bytes((0x81, both[0], 0, 0)) + both[1])
        ),
    )
)
def test_foreign_octets_are_read_or_refused(octets: bytes) -> None:
    try:
        frame = frames.parse(octets)
    except ProtocolError:
        return
    assert frame is None or frame.apdu < len(octets)
