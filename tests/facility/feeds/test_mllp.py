"""MLLP on a real socket: one answer for each frame, bounds for everything, and no trace of what was refused."""

import asyncio
import contextlib
import logging
import ssl
import subprocess
from contextlib import asynccontextmanager
from ipaddress import ip_network
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facility.feeds import adt, mllp
from facility.feeds.mllp import MllpServer, MllpSettings
from facility.feeds.tally import Refused
from facility.feeds.tls import TlsUnusable, server_context
from points.clock import SystemClock

MARK = "ZEBRAMRN0012345"
HOSPITAL = adt.Hospital(zone=ZoneInfo("UTC"), beds={"4E^1^A": "room-1"})


def frame(*segments):
    return b"\x0b" + ("\r".join(segments) + "\r").encode() + b"\x1c\r"


def status(state="U", control="C1"):
    now = SystemClock().now()
    return frame(
        f"MSH|^~\\&|||||{now:%Y%m%d%H%M%S}||ADT^A20|{control}|P|2.5",
        f"EVN|A20|{now:%Y%m%d%H%M%S}",
        f"NPU|4E^1^A|{state}",
    )


@asynccontextmanager
async def listening(peers="127.0.0.0/8", tls=None):
    taken = []
    where = MllpSettings(host="127.0.0.1", port=0, peers=(ip_network(peers),), hospital=HOSPITAL, tls=tls)
    server = MllpServer(where, taken.append, SystemClock())
    task = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(30):
            while not server.port:
                await asyncio.sleep(0)
        yield server, taken
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def sent(server, *parts):
    """All that is answered, until the server hangs up or has nothing more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write_eof()
        async with asyncio.timeout(30):
            return await reader.read()
    except OSError:
        return b""
    finally:
        await closed(writer)


async def closed(writer):
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_a_bed_status_is_taken_and_acknowledged():
    async with listening() as (server, taken):
        said = await sent(server, status("O", "C7"))
    assert b"MSA|AA|C7\r\x1c\r" in said
    assert [(report.space, report.state.value) for report in taken] == [("room-1", "O")]
    assert (server.tally.accepted, server.tally.refused) == (1, {})


async def test_frames_may_come_in_pieces_and_together():
    whole = status("O", "C1") + status("U", "C2")
    async with listening() as (server, taken):
        said = await sent(server, *(whole[i : i + 7] for i in range(0, len(whole), 7)))
    assert (said.count(b"MSA|AA|C1\r"), said.count(b"MSA|AA|C2\r")) == (1, 1)
    assert [report.state.value for report in taken] == ["O", "U"]


async def test_after_a_refusal_the_next_message_is_taken():
    bad = frame("MSH|^~\\&|||||20260101||ADT^A20|C1|P|2.5", "EVN|A20|20260101", f"PID|1||{MARK}", "NPU|4E^1^A|U")
    async with listening() as (server, taken):
        said = await sent(server, bad, status())
    assert b"MSA|AE|C1|not-in-shape\r" in said
    assert b"MSA|AA|C1\r" in said
    assert len(taken) == 1
    assert MARK.encode() not in said
    assert server.tally.refused == {Refused.NOT_IN_SHAPE: 1}


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Refused.NOT_READABLE),
        (b"\x0b" + b"MSH|" + MARK.encode() * 1000, Refused.TOO_LONG),
        (b"\x0b" + MARK.encode() * 1000 + b"\x1c\r", Refused.TOO_LONG),
        (b"\x0b\x1c\r", Refused.NOT_READABLE),
    ],
)
async def test_what_is_no_frame_ends_the_connection(octets, why):
    async with listening() as (server, taken):
        said = await sent(server, octets, status())
    assert (taken, server.tally.refused) == ([], {why: 1})
    assert MARK.encode() not in said


async def test_a_stranger_is_not_even_read():
    async with listening(peers="192.0.2.0/24") as (server, taken):
        assert await sent(server, status()) == b""
    assert (taken, server.tally.refused) == ([], {Refused.PEER: 1})


async def test_there_are_so_many_connections_and_no_more():
    async with listening() as (server, _):
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(mllp.CONNECTIONS)]
        async with asyncio.timeout(30):
            while server.connections < mllp.CONNECTIONS:
                await asyncio.sleep(0)
        assert await sent(server, status()) == b""
        for _, writer in held:
            await closed(writer)
    assert server.tally.refused == {Refused.PEER: 1}


async def test_a_frame_that_does_not_end_is_given_up(monkeypatch):
    monkeypatch.setattr(mllp, "WHOLE_S", 0.05)
    async with listening() as (server, taken):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\x0bMSH|")
        async with asyncio.timeout(30):
            assert await reader.read() == b""
        await closed(writer)
    assert taken == []


TEXTS = st.sampled_from(
    [MARK, f"PID|1||{MARK}^^^MRN||{MARK}^JOHN", f"NK1|1|{MARK}", f"OBX|1|TX|{MARK}", f"DG1|1||{MARK}"]
)
SEGMENTS = st.sampled_from(["MSH|^~\\&|||||||ADT^A20|C1|P|2.5", "EVN|A20|20260101", "NPU|4E^1^A|U", ""])
MESSAGES = st.lists(TEXTS | SEGMENTS | st.text(max_size=20), min_size=1, max_size=6).map(
    lambda parts: "\r".join(parts).encode("utf-8", "replace")
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MESSAGES, min_size=1, max_size=3), st.integers(1, 40), st.booleans())
def test_whatever_is_sent_is_not_in_a_log_an_answer_or_a_report(caplog, messages, size, framed):
    caplog.set_level(logging.DEBUG)

    async def run():
        octets = b"".join(b"\x0b" + each + b"\x1c\r" if framed else each for each in messages)
        async with listening() as (server, taken):
            said = await sent(server, *(octets[i : i + size] for i in range(0, len(octets), size)))
        return said, taken, repr(server.tally.refused), str(vars(server))

    said, taken, *told = asyncio.run(run())
    assert MARK.encode() not in said
    assert MARK not in "".join([*told, repr(taken), caplog.text])


async def test_a_connection_that_was_cut_off_makes_room_for_its_sender(monkeypatch):
    monkeypatch.setattr(mllp, "GIVES_WAY_S", 0.0)
    async with listening() as (server, taken):
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(mllp.CONNECTIONS)]
        async with asyncio.timeout(30):
            while server.connections < mllp.CONNECTIONS:
                await asyncio.sleep(0)
            assert b"MSA|AA|C1\r" in await sent(server, status())
            assert await held[0][0].read() == b""
        assert server.connections == mllp.CONNECTIONS - 1
        for _, writer in held:
            await closed(writer)
    assert (len(taken), server.tally.refused) == (1, {})


async def test_a_fault_of_ours_is_told_by_its_kind_and_the_feed_goes_on(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    faults = [ValueError(MARK), UnicodeDecodeError("ascii", MARK.encode(), 0, 1, MARK)]

    def fails(*_):
        if faults:
            raise faults.pop()
        return Refused.TIME

    monkeypatch.setattr(adt, "bed_report", fails)
    async with listening() as (server, _):
        said = [await sent(server, status()) for _ in range(2)]
        assert b"MSA|AE|C1|time\r" in await sent(server, status())
    assert all(b"MSA|AR|C1|not-readable\r" in each for each in said)
    assert MARK not in caplog.text
    assert server.tally.refused == {Refused.NOT_READABLE: 2, Refused.TIME: 1}


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Each is its own authority."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "engine", "stranger"):
        keys = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        said = ["-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}"]
        names = ["-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run(["openssl", "req", "-x509", *keys, *said, *names], cwd=folder, check=True, capture_output=True)
    return folder


def ours(folder, ca="engine.crt"):
    return lambda: server_context(folder / "server.crt", folder / "server.key", ca and folder / ca)


def theirs(folder, name=None):
    context = ssl.create_default_context(cafile=folder / "server.crt")
    if name:
        context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return context


async def told(server, octets, tls):
    """The first answer over TLS; nothing if there is none."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=tls)
    except OSError:
        return b""
    try:
        writer.write(octets)
        async with asyncio.timeout(30):
            return await reader.readuntil(b"\x1c\r")
    except (OSError, asyncio.IncompleteReadError):
        return b""
    finally:
        await closed(writer)


@pytest.mark.parametrize(
    ("ca", "name", "taken"),
    [("engine.crt", "engine", 1), ("engine.crt", "stranger", 0), ("engine.crt", None, 0), (None, None, 1)],
)
async def test_by_tls_only_who_has_a_certificate_if_one_is_asked_for(certificates, ca, name, taken):
    async with listening(tls=ours(certificates, ca)) as (server, got):
        said = await told(server, status("O", "C7"), theirs(certificates, name))
    assert (b"MSA|AA|C7\r" in said, len(got)) == (bool(taken), taken)


async def test_what_is_not_encrypted_is_not_answered_by_a_port_with_a_certificate(certificates, caplog):
    caplog.set_level(logging.DEBUG)
    async with listening(tls=ours(certificates)) as (server, got):
        said = await sent(server, status(control=MARK))
        assert b"MSA|AA" in await told(server, status(), theirs(certificates, "engine"))
    assert (b"MSA" in said, len(got)) == (False, 1)
    assert MARK not in caplog.text


def test_certificates_that_cannot_be_used_are_told_with_what_to_do(certificates, tmp_path):
    with pytest.raises(TlsUnusable, match=r"missing\.crt"):
        server_context(tmp_path / "missing.crt", certificates / "server.key", None)
    with pytest.raises(TlsUnusable, match="cannot be used"):
        server_context(certificates / "server.crt", certificates / "engine.key", None)
    open_to_all = tmp_path / "server.key"
    open_to_all.write_bytes((certificates / "server.key").read_bytes())
    open_to_all.chmod(0o644)
    with pytest.raises(TlsUnusable, match="chmod 600"):
        server_context(certificates / "server.crt", open_to_all, None)
