"""The utility's events, by the port and by MQTT: who may, what is recorded, what outlives a restart."""

import asyncio
import json
from datetime import timedelta

import aiomqtt
import pytest
from broker_process import HERE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from session_bench import SessionBench

from facility.database import StateUnavailable
from facility.feeds import utility
from facility.feeds.book import FeedBook
from facility.feeds.utility import UtilityEvents, load
from facility.feeds.utility_bus import UtilityBus
from facility.feeds.utility_desk import UtilityDesk
from facility.mirror.answering import Answering
from facility.mirror.settings import MirrorSettings
from facility.port import FacilityError
from facility.wire import DemandNotice

HOUR = timedelta(hours=1)


@pytest.fixture
async def bench(tmp_path):
    bench = await SessionBench(tmp_path).start()
    bench.feeds = FeedBook(bench.clock)
    bench.utility = made(bench)
    bench.desk_of_events = UtilityDesk(bench.utility, ["gateway"])
    yield bench
    bench.close()


def made(bench, **given):
    return UtilityEvents(bench.feeds, bench.db, bench.audit, bench.clock, site="mercy", **given)


def session(bench, role="operator", user="mchen", **rest):
    return bench.as_(role, user, utility=bench.desk_of_events, **rest)


def notice(bench, name="e1", **changes):
    return DemandNotice(**{"id": name, "level": 2, "start": bench.clock.now(), "duration_minutes": 60} | changes)


async def test_an_event_is_on_record_and_in_force(bench):
    answer = await session(bench).demand_event(notice(bench, randomize_minutes=5, source="utility"))
    assert answer.result == "taken"
    (event,) = bench.feeds.feeds().events
    assert (event.id, event.level, event.end - event.start, event.randomize) == ("e1", 2, HOUR, 5 * HOUR / 60)
    (record,) = await bench.audit.records("demand event e1")
    assert (record.by, record.action, record.reason, record.result) == (
        "user:mchen",
        "demand event",
        "utility",
        "in force",
    )
    (info,) = await session(bench, "viewer").demand_events()
    assert (info.status, info.by) == ("active" if info.begins <= bench.clock.now() else "near", "user:mchen")


async def test_sent_again_nothing_happens_and_sent_otherwise_it_is_changed(bench):
    one = session(bench)
    assert [(await one.demand_event(notice(bench))).result for _ in range(2)] == ["taken", "known"]
    assert len(await bench.audit.records("demand event e1")) == 1
    assert (await one.demand_event(notice(bench, level=3))).result == "changed"
    assert [event.level for event in bench.feeds.feeds().events] == [3]


async def test_what_was_cancelled_stays_so_whatever_arrives_late(bench):
    one = session(bench)
    await one.demand_event(notice(bench))
    assert [(await one.cancel_demand_event("e1")).result for _ in range(2)] == ["cancelled", "cancelled"]
    assert bench.feeds.feeds().events == ()
    with pytest.raises(FacilityError, match="was cancelled"):
        await one.demand_event(notice(bench))
    with pytest.raises(FacilityError, match="no event nobody-knows"):
        await one.cancel_demand_event("nobody-knows")


async def test_it_outlives_a_restart_and_is_forgotten_when_it_is_over(bench):
    await session(bench).demand_event(notice(bench))
    bench.feeds = FeedBook(bench.clock)
    again = made(bench, kept=await load(bench.db))
    assert [event.id for event in bench.feeds.feeds().events] == ["e1"]
    bench.clock.advance(minutes=60)
    again.look()
    assert bench.feeds.feeds().events == ()
    assert again.infos() == []


async def test_what_cannot_be_kept_is_not_in_force(bench, monkeypatch):
    async def fails(_work):
        raise StateUnavailable("The disk is full.")

    monkeypatch.setattr(bench.utility, "_db", type("Db", (), {"run": staticmethod(fails)})())
    with pytest.raises(FacilityError, match="Nothing was changed"):
        await session(bench).demand_event(notice(bench))
    assert bench.feeds.feeds().events == ()


async def test_who_may_send(bench):
    for role, user in (("viewer", "v"), ("auditor", "a"), ("service", "dashboard")):
        with pytest.raises(FacilityError) as refusal:
            await session(bench, role, user).demand_event(notice(bench))
        assert refusal.value.kind == "not-allowed", user
        assert bench.feeds.feeds().events == ()
    for role, user in (("service", "gateway"), ("operator", "mchen")):
        assert (await session(bench, role, user).demand_event(notice(bench, user))).result == "taken"


async def test_no_more_than_a_site_can_have(bench, monkeypatch):
    monkeypatch.setattr(utility, "MOST", 3)
    for number in range(3):
        await session(bench).demand_event(notice(bench, f"e{number}"))
    with pytest.raises(FacilityError, match="3 events already"):
        await session(bench).demand_event(notice(bench, "one-more"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Jane Doe"},
        {"level": 4},
        {"level": "2"},
        {"duration_minutes": None},
        {"end": "2026-03-01T13:00:00Z"},
        {"duration_minutes": 60 * 25},
        {"randomize_minutes": 60},
        {"source": "MRN 4711"},
        {"reason": "free text"},
        {"start": "2026-03-01T12:00:00"},
        {"start": "9999-12-31T23:59:59Z"},
    ],
)
def test_what_has_not_its_form_is_none(wrong):
    with pytest.raises(ValidationError):
        DemandNotice(**{"id": "e1", "level": 2, "start": "2026-03-01T12:00:00Z", "duration_minutes": 60} | wrong)


async def test_while_alarms_flood_no_event_is_obeyed(bench):
    raised = []
    bench.utility.watch_alarms(lambda: raised)
    await session(bench).demand_event(notice(bench))
    raised += [bench.clock.now()] * 9
    bench.utility.look()
    assert bench.feeds.feeds().opted_out == ""
    raised.append(bench.clock.now())
    bench.utility.look()
    assert bench.feeds.feeds().opted_out == "more alarms than people can look at"
    (info,) = bench.utility.infos()
    assert info.opted_out
    bench.clock.advance(minutes=11)
    raised += [bench.clock.now()] * 5  # not yet below five in ten minutes
    bench.utility.look()
    assert bench.feeds.feeds().opted_out
    raised.pop()
    bench.utility.look()
    assert bench.feeds.feeds().opted_out == ""


# --- MQTT -------------------------------------------------------------------------------------------------------------


def message(bench, **changes):
    start, expires = bench.clock.now().isoformat(), (bench.clock.now() + HOUR).isoformat()
    said = {"id": "m1", "level": 1, "start": start, "duration_minutes": 30, "expires": expires} | changes
    return json.dumps({key: value for key, value in said.items() if value is not None}).encode()


async def answered(bench, payload):
    return json.loads(await UtilityBus(bench.utility, bench.clock).answer(payload))


async def test_a_message_is_the_same_event_however_often_it_comes(bench):
    assert [(await answered(bench, message(bench)))["result"] for _ in range(2)] == ["taken", "known"]
    (record,) = await bench.audit.records("demand event m1")
    assert record.by == "mqtt:demand-response"
    cancel = {"cancel": "m1", "expires": (bench.clock.now() + HOUR).isoformat()}
    assert (await answered(bench, json.dumps(cancel).encode()))["result"] == "cancelled"
    assert bench.feeds.feeds().events == ()


WRONG = (
    ({"expires": None}, "look at expires"),
    ({"expires": "2026-03-01T11:59:59Z"}, "has expired"),
    ({"expires": "2026-03-09T12:00:00Z"}, "expires in more than a day"),
    ({"id": None}, "look at id"),
    ({"level": 9}, "look at level"),
    ({"patient": "Jane Doe"}, "form of docs/demand-response.md."),
    ({"duration_minutes": 0.001, "start": "2026-03-01T11:00:00Z"}, "over already"),
    ({"start": "2026-05-01T11:00:00Z"}, "more than 31 days"),
)


async def test_what_is_wrong_is_refused_and_told_without_any_part_of_it(bench):
    for changes, says in WRONG:
        answer = await answered(bench, message(bench, **changes))
        assert answer["result"] == "refused", changes
        assert says in answer["text"]
        assert "Jane" not in json.dumps(answer)
        assert bench.feeds.feeds().events == ()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=80),
        st.dictionaries(st.text(max_size=8), st.text(max_size=8)).map(lambda found: json.dumps(found).encode()),
        st.just(b'{"id": "a", "id": "b"}'),
        st.just(b"[" * 5000),
        st.just(b"9" * 900),
    )
)
async def test_garbage_is_refused_and_nothing_happens(bench, payload):
    assert (await answered(bench, payload))["result"] == "refused"
    assert bench.feeds.feeds().events == ()


async def test_over_a_real_broker(bench, mosquitto):
    settings = MirrorSettings(host=HERE, port=mosquitto.port, site="mercy", agent="main")
    asked, told = "fac/v1/mercy/main/in/demand-response", "fac/v1/mercy/main/out/demand-response"
    async with aiomqtt.Client(HERE, mosquitto.port) as sender:
        await sender.publish(asked, message(bench, id="old"), qos=1, retain=True)  # a command that waits there
        await sender.subscribe(told, qos=1)
        answering = Answering(settings, "demand-response", UtilityBus(bench.utility, bench.clock).answer)
        serving = asyncio.create_task(answering.run())
        try:
            async with asyncio.timeout(30):
                while not answering.connected:
                    await asyncio.sleep(0.01)
            for payload in (message(bench), message(bench), b"nonsense"):
                await sender.publish(asked, payload, qos=1)
            async with asyncio.timeout(30):
                answers = [json.loads((await anext(sender.messages)).payload)["result"] for _ in range(3)]
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    assert answers == ["taken", "known", "refused"]
    assert [event.id for event in bench.feeds.feeds().events] == ["m1"]


async def test_a_fault_of_ours_is_answered_and_not_brought_back_for_ever(bench, monkeypatch, caplog):
    async def fails(*_):
        raise RuntimeError("ZEBRAFINCH")

    bus = UtilityBus(bench.utility, bench.clock)
    monkeypatch.setattr(bench.utility, "take", fails)
    said = json.loads(await bus.answer(message(bench)))
    assert (said["result"], bus.refused) == ("refused", 1)
    assert "ZEBRAFINCH" not in caplog.text + str(said)
