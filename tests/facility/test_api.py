"""The door, end to end over a real Unix socket, with a session that answers from constants."""

import asyncio
import os
import pwd
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from facility.api import Api, Caller, Health, SocketUnusable, must_be_servable
from facility.calls import CALLS
from facility.client import RemoteFacility
from facility.port import AgentLost, FacilityError
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

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def hello(self) -> Hello:
        return Hello(
            site="s",
            site_name="S",
            agent="main",
            version="1",
            zone="UTC",
            pretend=False,
            user=self._caller.name,
            role="viewer",
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
    api = Api(path, Session, Health(ready=lambda: "no devices yet", metrics=lambda: "facility_points 3\n"))
    running = asyncio.create_task(api.run())
    async with asyncio.timeout(5):
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


async def test_leaving_the_stream_is_noticed_at_once(socket):
    async with RemoteFacility(socket) as facility, asyncio.timeout(3), facility.watch() as updates:
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
