"""OpenADR 3 against a VTN of our own on loopback: tokens that run out, errors, garbage, cancelled events."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from session_bench import SessionBench

from facility.config.demand_response import OpenAdrSection
from facility.config.errors import ConfigError
from facility.config.loading import load
from facility.feeds.book import FeedBook
from facility.feeds.openadr import OpenAdr, VtnFailed, notices_of
from facility.feeds.utility import Sender, UtilityEvents

SECRET = "s3cret-of-the-vtn"


class Vtn:
    """A VTN that can be told how to behave."""

    def __init__(self):
        self.events, self.token, self.valid = [], "t1", {"t1"}
        self.expires_in, self.status, self.body, self.given, self.asked = 3600, 200, None, 0, []

    async def start(self):
        application = web.Application()
        application.router.add_post("/openadr3/3.1.0/auth/token", self._token)
        application.router.add_get("/openadr3/3.1.0/events", self._events)
        self.server = TestServer(application)
        await self.server.start_server()
        return str(self.server.make_url("/openadr3/3.1.0"))

    async def _token(self, request):
        form = await request.post()
        if (form["client_id"], form["client_secret"], form["grant_type"]) != ("ven", SECRET, "client_credentials"):
            return web.Response(status=401)
        self.given += 1
        return web.json_response({"access_token": self.token, "expires_in": self.expires_in})

    async def _events(self, request):
        self.asked.append(dict(request.query))
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.valid:
            return web.Response(status=401)
        if self.body is not None or self.status != 200:
            return web.Response(status=self.status, body=self.body or b"")
        skip, limit = int(request.query["skip"]), int(request.query["limit"])
        return web.json_response(self.events[skip : skip + limit])


class Ven:
    def __init__(self, bench, url, **section):
        self.vtn_url, self.bench = url, bench
        self.feeds = FeedBook(bench.clock)
        self.events = UtilityEvents(self.feeds, bench.db, bench.audit, bench.clock, site="mercy")
        settings = OpenAdrSection(**{"url": url, "client_id": "ven", "client_secret": SECRET} | section)
        self.openadr = OpenAdr(settings, self.events, bench.clock)

    async def poll(self):
        async with aiohttp.ClientSession() as session:
            await self.openadr.poll(session)

    @property
    def levels(self):
        return {event.id.split(":")[1]: event.level for event in self.feeds.feeds().events}


@pytest.fixture
async def bench(tmp_path):
    bench = await SessionBench(tmp_path).start()
    yield bench
    bench.close()


@pytest.fixture
async def vtn():
    vtn = Vtn()
    vtn.url = await vtn.start()
    yield vtn
    await vtn.server.close()


@pytest.fixture
def ven(bench, vtn):
    return Ven(bench, vtn.url)


def event(name="ev1", level=2, start="2026-03-01T13:00:00Z", **changes):
    return {
        "id": name,
        "programID": "peak",
        "createdDateTime": "2026-03-01T11:00:00Z",
        "intervalPeriod": {"start": start, "duration": "PT1H", "randomizeStart": "PT5M"},
        "intervals": [{"id": 0, "payloads": [{"type": "SIMPLE", "values": [level]}]}],
    } | changes


async def test_an_event_is_taken_changed_and_cancelled_as_the_vtn_says(ven, vtn):
    vtn.events = [event(), event("ev2", 1)]
    await ven.poll()
    assert ven.levels == {"ev1": 2, "ev2": 1}
    (first, _) = ven.feeds.feeds().events
    assert (first.end - first.start, first.randomize) == (timedelta(hours=1), timedelta(minutes=5))
    vtn.events = [event(level=3)]
    await ven.poll()
    assert ven.levels == {"ev1": 3}
    vtn.events = [event(level=3), event("ev2", 1)]  # it changes its mind
    await ven.poll()
    assert ven.levels == {"ev1": 3, "ev2": 1}
    assert (await ven.bench.audit.records(by="openadr"))[0].action == "demand event"
    assert vtn.given == 1


async def test_what_a_person_cancels_stays_cancelled(ven, vtn):
    vtn.events = [event()]
    await ven.poll()
    (info,) = ven.events.infos()
    await ven.events.cancel(info.id, Sender(by="user:mchen"))
    await ven.poll()
    assert ven.levels == {}


async def test_a_token_that_runs_out_or_is_refused_is_asked_for_again(ven, vtn):
    vtn.events, vtn.expires_in = [event()], 60
    await ven.poll()
    ven.bench.clock.advance(seconds=31)
    await ven.poll()
    assert vtn.given == 2
    vtn.token, vtn.valid = "t2", {"t2"}
    await ven.poll()
    assert vtn.given == 3
    assert ven.levels == {"ev1": 2}


FAILURES = (
    ({"status": 503}, "503"),
    ({"status": 404}, "404"),
    ({"body": b"<html>"}, "no JSON"),
    ({"body": b'{"events": []}'}, "not with a list"),
    ({"body": b"[" + b" " * 1_100_000 + b"]"}, "too long"),
    ({"valid": set()}, "401"),
)


async def test_a_vtn_that_fails_takes_nothing_back(ven, vtn):
    vtn.events = [event()]
    await ven.poll()
    well = {"status": 200, "body": None, "valid": {"t1"}}
    for behave, says in FAILURES:
        for name, value in (well | behave).items():
            setattr(vtn, name, value)
        with pytest.raises(VtnFailed, match=says) as failure:
            await ven.poll()
        assert SECRET not in str(failure.value)
        assert ven.levels == {"ev1": 2}


async def test_nobody_there_and_a_wrong_secret_are_told_without_it(bench, vtn):
    with pytest.raises(VtnFailed, match="gives no token") as failure:
        await Ven(bench, vtn.url, client_secret="wrong-one").poll()
    assert "wrong-one" not in str(failure.value)
    await vtn.server.close()
    with pytest.raises(VtnFailed, match="no answer"):
        await Ven(bench, vtn.url).poll()


async def test_one_event_that_cannot_be_read_does_not_hide_the_others(ven, vtn):
    vtn.events = [{"id": 7}, event(intervals=[]), event("good"), event("bad", 9), event("worse", start="tomorrow"), 3]
    await ven.poll()
    assert ven.levels == {"good": 2}
    assert ven.openadr.garbled == 4
    assert "4 events cannot be read" in ven.openadr.trouble()
    vtn.events = [{"id": 7}]  # perhaps that is the one that was good
    await ven.poll()
    assert ven.levels == {"good": 2}
    vtn.events = []
    await ven.poll()
    assert (ven.levels, ven.openadr.trouble()) == ({}, "")


async def test_only_the_program_that_is_ours_and_every_page(bench, vtn):
    ven = Ven(bench, vtn.url, program="peak")
    vtn.events = [event(f"e{n}", programID="peak" if n % 2 else "other") for n in range(70)]
    await ven.poll()
    assert len(ven.levels) == 35
    assert [asked["skip"] for asked in vtn.asked] == ["0", "50"]
    assert {asked["programID"] for asked in vtn.asked} == {"peak"}


def test_intervals_follow_each_other():
    intervals = [{"id": n, "payloads": [{"type": "SIMPLE", "values": [n]}]} for n in (1, 2, 3)]
    found = notices_of(event(intervals=intervals), "")
    start = datetime(2026, 3, 1, 13, tzinfo=UTC)
    assert [(each.level, each.start, each.until) for each in found] == [
        (n, start + timedelta(hours=n - 1), start + timedelta(hours=n)) for n in (1, 2, 3)
    ]
    assert [each.randomize_minutes for each in found] == [5.0, 0.0, 0.0]


def test_an_interval_may_have_its_own_time_and_other_payloads_are_not_ours():
    own = {"start": "2026-03-01T15:00:00+01:00", "duration": "PT30M"}
    intervals = [
        {"id": 0, "payloads": [{"type": "PRICE", "values": [0.17]}]},
        {"id": 1, "intervalPeriod": own, "payloads": [{"type": "SIMPLE", "values": [1]}]},
    ]
    (found,) = notices_of(event(intervals=intervals), "")
    assert (found.start, found.until - found.start) == (datetime(2026, 3, 1, 14, tzinfo=UTC), timedelta(minutes=30))


def test_now_is_when_the_vtn_made_the_event():
    (found,) = notices_of(event(start="0001-01-01T00:00:00Z"), "")
    assert found.start == datetime(2026, 3, 1, 11, tzinfo=UTC)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=5))
def test_whatever_a_vtn_sends_it_is_an_event_or_a_value_error(garbage):
    for document in (garbage, event(intervals=garbage), event(intervalPeriod=garbage), event(level=garbage)):
        try:
            notices_of(document, "")
        except (ValueError, OverflowError):
            continue


def test_the_secret_does_not_belong_into_the_file(tmp_path, monkeypatch):
    file = tmp_path / "facility.toml"
    section = '[demand_response.openadr]\nurl = "https://vtn.example"\nclient_id = "ven"\n'
    file.write_text(section + f'client_secret = "{SECRET}"\n')
    with pytest.raises(ConfigError, match="does not belong into the file") as refusal:
        load(file)
    assert SECRET not in str(refusal.value)
    file.write_text(section)
    monkeypatch.setenv("FACILITY_DEMAND_RESPONSE__OPENADR__CLIENT_SECRET", SECRET)
    openadr = load(file).demand_response.openadr
    assert openadr.client_secret.get_secret_value() == SECRET
    assert SECRET not in repr(openadr)


@pytest.mark.parametrize("url", ["http://vtn.example", "ftp://vtn", "http://localhost.evil.example"])
def test_nothing_goes_to_a_vtn_unencrypted(url):
    with pytest.raises(ValueError, match="write https"):
        OpenAdrSection(url=url, client_id="ven")
