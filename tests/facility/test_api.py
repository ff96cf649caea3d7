"""The door, end to end over a real Unix socket, with a session that answers from constants."""

import asyncio
import logging
import os
import pwd
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import aiohttp
import pytest

from facility.api import Api, Health, SocketUnusable, must_be_servable
from facility.calls import CALLS
from facility.client import RemoteFacility
from facility.port import AgentLost, FacilityError
from facility.users import Caller, Grant, Roster, stranger
from facility.wire import Hello, PointInfo, Trend, Update, ValueInfo

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
VALUE = ValueInfo(id="a/b", value=True, quality="good", time=NOON, at=NOON, source="poll")

POINT = PointInfo(
    id="a/b",
    name="B",
    description="",
    kind="analog",
    point_class="unknown",
    unit="",
    states=[],
    low=None,
    high=None,
    access="monitor-only",
    safety="unknown",
    confidence=0.0,
    device="a",
    equipment="",
    space="",
    space_name="",
    object="analog-input 1",
    commandable=False,
    present=True,
)


class Session:
    """As much of a Facility as these tests ask for."""

    def __init__(self, caller: Caller, role: str = "viewer") -> None:
        self._caller = caller
        self._role = role

    async def hello(self) -> Hello:
        return Hello(
            site="s",
            site_name="S",
            agent="main",
            version="1",
            zone="UTC",
            pretend=False,
            user=self._caller.name,
            role=self._role,
            started=NOON,
        )

    async def read(self, point: str) -> ValueInfo:
        if point == "broken":
            raise ValueError("a bug")
        if point != "a/b":
            raise FacilityError("unknown-point", f"There is no point {point!r}.")
        return VALUE

    async def trend(self, point: str, since: datetime, until: datetime, buckets: int) -> Trend:
        assert buckets == 3
        return Trend(point=point, since=since, until=until, buckets=[])

    @asynccontextmanager
    async def watch(self):
        async def updates():
            yield Update(kind="hello", at=NOON, hello=await self.hello())
            yield Update(kind="catalog", at=NOON, points=[POINT], more=True)
            yield Update(kind="catalog", at=NOON, points=[POINT])
            yield Update(kind="values", at=NOON, values=[VALUE])

        yield updates()


@pytest.fixture
async def socket(tmp_path: Path):
    path = tmp_path / "agent.sock"
    api = Api(path, Session, Health(ready=lambda: "no devices yet", metrics=lambda _caller: "facility_points 3\n"))
    running = asyncio.create_task(api.run())
    async with asyncio.timeout(30):
        while not path.exists():
            await asyncio.sleep(0)
    yield path
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not path.exists()


async def test_the_kernel_names_the_caller(socket):
    async with RemoteFacility(socket) as facility:
        hello = await facility.hello()
    assert hello.user == pwd.getpwuid(os.getuid()).pw_name


STRANGER, GROUP = 65_432, 65_433  # nobody's, on any machine that tests run on
ASKING = """
import os, socket, sys
os.setgroups([{gid}])
os.setgid({uid})
os.setuid({uid})
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect(sys.argv[1])
    head = "GET /v1/watch HTTP/1.1\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
    key = "Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\\r\\n"
    post = "POST /v1/hello HTTP/1.1\\r\\n"
    start = {{"watch": head + key, "hello": post, "livez": "GET /livez HTTP/1.1\\r\\n"}}[sys.argv[2]]
    asking.sendall((start + "Host: agent\\r\\nContent-Length: 0\\r\\n\\r\\n").encode())
    print(asking.recv(65536).decode(errors="replace"))
"""


async def asks(socket: Path, what: str, uid: int = STRANGER, gid: int = STRANGER) -> str:
    """What another account of this machine is answered."""
    script = ASKING.format(uid=uid, gid=gid)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", script, str(socket), what, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(30):
        said, trouble = await child.communicate()
    assert child.returncode == 0, trouble.decode()
    return said.decode()


@pytest.fixture
async def open_socket(monkeypatch):
    """The agent's door, open to every account of this machine; `known` decides."""
    monkeypatch.setattr("facility.api.pwd.getpwuid", lambda uid: SimpleNamespace(pw_name=NAMES[uid]))
    known = Roster({"rdiaz": Grant(role="operator")}, {GROUP: Grant(role="auditor")}, own_uid=os.getuid())

    def session(caller: Caller) -> Session:
        user = known.user(caller)
        if user is None:
            raise FacilityError("not-allowed", stranger(caller))
        return Session(caller, user.role)

    with TemporaryDirectory() as folder:  # pytest's own is for its owner alone
        os.chmod(folder, 0o755)  # noqa: PTH101
        path = Path(folder) / "agent.sock"
        api = Api(path, session, Health(ready=lambda: None, metrics=str))
        running = asyncio.create_task(api.run())
        async with asyncio.timeout(30):
            while not path.exists():
                await asyncio.sleep(0)
        path.chmod(0o666)
        yield path
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


NAMES = {65_432: "mchen", 65_431: "rdiaz", **{own.pw_uid: own.pw_name for own in pwd.getpwall()}}
AS_ROOT = pytest.mark.skipif(
    os.getuid() != 0 and not os.environ.get("FACILITY_CI"), reason="only root can be somebody else"
)  # where CI runs, it fails instead


@AS_ROOT
async def test_an_account_that_nobody_has_configured_gets_nothing_but_the_probes(open_socket):
    refused = await asks(open_socket, "hello")
    assert refused.startswith("HTTP/1.1 403")
    assert "mchen" in refused
    watching = await asks(open_socket, "watch")
    assert watching.startswith("HTTP/1.1 403")
    assert "Facility-Trouble" in watching
    nameless = await asks(open_socket, "hello", uid=65_430)
    assert "no login name" in nameless
    assert (await asks(open_socket, "livez")).startswith("HTTP/1.1 200")


@AS_ROOT
async def test_the_kernel_names_accounts_and_their_groups(open_socket):
    assert '"role":"operator"' in await asks(open_socket, "hello", uid=65_431)
    assert '"role":"auditor"' in await asks(open_socket, "hello", gid=GROUP)


async def test_a_refused_live_stream_says_why(tmp_path):
    def session(_caller: Caller) -> Session:
        raise FacilityError("not-allowed", "You are nobody, Émile.")

    path = tmp_path / "agent.sock"
    told = []

    async def refused(caller: Caller, call: str, why: str) -> None:
        told.append((caller.origin, call, why))

    health = Health(ready=lambda: None, metrics=str)
    running = asyncio.create_task(Api(path, session, health, refused=refused).run())
    async with asyncio.timeout(30):
        while not path.exists():
            await asyncio.sleep(0)
    async with RemoteFacility(path) as facility:
        with pytest.raises(FacilityError, match="You are nobody, Émile") as caught:
            async with facility.watch():
                pass
        with pytest.raises(FacilityError, match="You are nobody, Émile"):
            await facility.hello()
    assert caught.value.kind == "not-allowed"
    origin = told[0][0]
    assert origin.startswith(f"socket uid {os.getuid()} pid {os.getpid()}")
    assert told == [(origin, call, "You are nobody, Émile.") for call in ("watch", "hello")]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_boolean_stays_a_boolean_and_a_time_a_time(socket):
    async with RemoteFacility(socket) as facility:
        assert await facility.read("a/b") == VALUE
        assert (await facility.trend("a/b", NOON, NOON + timedelta(hours=1), 3)).since == NOON


async def test_a_no_is_told_in_words(socket):
    async with RemoteFacility(socket) as facility:
        with pytest.raises(FacilityError, match="no point 'x'") as caught:
            await facility.read("x")
    assert caught.value.kind == "unknown-point"


async def test_a_bug_of_ours_is_no_stack_trace_at_the_screen(socket):
    async with RemoteFacility(socket) as facility:
        with pytest.raises(FacilityError, match="its log says more") as caught:
            await facility.read("broken")
    assert caught.value.kind == "internal"
    assert "a bug" not in str(caught.value)


@pytest.mark.parametrize("octets", [b"GET / HTTP/9.ZEBRAFINCH\r\n\r\n", b"ZEBRAFINCH", b"GET /ZEBRAFINCH\r\n\r\n"])
async def test_what_is_no_request_is_in_no_log(socket, caplog, octets):
    caplog.set_level(logging.DEBUG)
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(octets)
    writer.write_eof()
    await reader.read()
    writer.close()
    await writer.wait_closed()
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket))) as session:
        assert (await session.get("http://agent/livez")).status == 200
    assert "ZEBRAFINCH" not in caplog.text


async def test_the_stream_ends_as_a_lost_agent(socket):
    told = []
    async with RemoteFacility(socket) as facility:
        with pytest.raises(AgentLost):
            async with facility.watch() as updates:
                async for update in updates:
                    told.append((update.kind, update.points))
    assert told == [("hello", None), ("catalog", [POINT, POINT]), ("values", None)]  # a catalog in one piece


async def test_nobody_at_the_socket(tmp_path):
    async with RemoteFacility(tmp_path / "none.sock") as facility:
        with pytest.raises(AgentLost, match="facility run"):
            await facility.hello()


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/v1/nothing", "{}", 404, "no call"),
        ("/v1/read", "{}", 400, "needs point"),
        ("/v1/read", '{"point": 3}', 400, "string"),
        ("/v1/read", '{"point": "a/b", "extra": 1}', 400, "no parameter extra"),
        ("/v1/read", "[]", 400, "JSON object"),
        ("/v1/read", "{nonsense", 400, ""),
    ],
)
async def test_bad_requests_are_explained(socket, path, body, status, says):
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket))) as session,
        session.post(f"http://agent{path}", data=body) as answer,
    ):
        assert answer.status == status
        assert says in (await answer.json())["text"]


async def test_probes_and_metrics(socket):
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket))) as session:
        async with session.get("http://agent/livez") as answer:
            assert answer.status == 200
        async with session.get("http://agent/readyz") as answer:
            assert answer.status == 503
            assert "no devices yet" in await answer.text()
        async with session.get("http://agent/metrics") as answer:
            assert "facility_points 3" in await answer.text()


async def test_metrics_are_for_those_who_may_look_and_a_refusal_is_told(tmp_path):
    path, told = tmp_path / "agent.sock", []

    def metrics(caller: Caller) -> str:
        raise FacilityError("not-allowed", f"You are an auditor, {caller.name}.")

    async def refused(caller: Caller, call: str, why: str) -> None:
        told.append((caller.uid, call, why))

    running = asyncio.create_task(
        Api(path, Session, Health(ready=lambda: None, metrics=metrics), refused=refused).run()
    )
    async with asyncio.timeout(30):
        while not path.exists():
            await asyncio.sleep(0)
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(path))) as session,
        session.get("http://agent/metrics") as answer,
    ):
        assert (answer.status, (await answer.json())["error"]) == (403, "not-allowed")
    name = pwd.getpwuid(os.getuid()).pw_name
    assert told == [(os.getuid(), "metrics", f"You are an auditor, {name}.")]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_leaving_the_stream_is_noticed_at_once(socket, monkeypatch):
    monkeypatch.setattr("aiohttp.client.DEFAULT_WS_CLIENT_TIMEOUT", aiohttp.ClientWSTimeout(ws_close=600.0))
    async with RemoteFacility(socket) as facility, asyncio.timeout(30), facility.watch() as updates:
        assert (await anext(updates)).kind == "hello"


@pytest.mark.parametrize(
    ("path", "group", "says"),
    [
        ("/tmp/" + "x" * 110, None, "107 bytes"),
        ("/run/a.sock", "no-such-group", "no group"),
        ("/var/state/a.sock", "root", "api.socket as well"),
    ],
)
def test_a_socket_that_cannot_be_served_is_refused_at_the_start(path, group, says):
    with pytest.raises(SocketUnusable, match=says):
        must_be_servable(Path(path), group, private=Path("/var/state"))


def test_the_socket_is_for_its_owner_alone(socket):
    assert socket.stat().st_mode & 0o077 == 0


def test_every_call_of_the_port_travels():
    assert {"hello", "points", "values", "preview", "commit", "acknowledge", "trend"} <= CALLS.keys()
    assert all(hasattr(RemoteFacility, name) for name in CALLS)
