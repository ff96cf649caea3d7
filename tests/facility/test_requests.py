"""Two people for one command: one asks, another agrees, and nothing is written before."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from desk_bench import SETPOINT
from manual_clock import NOON
from session_bench import CATALOG, DEVICES, SessionBench, reading
from sqlalchemy import text

from facility.judgement import Judge
from facility.port import FacilityError
from facility.profiles.model import CommandRule
from facility.requests import WAITS
from facility.wire import Wish
from points.catalog import Catalog
from points.model import Space, SpaceId

WISH = Wish(point=SETPOINT.id, value=18, minutes=120, reason="valve test")
TWO_PEOPLE = CommandRule(who="two-people", source="ASHRAE 170", edition="2021")


class TwoPeopleBench(SessionBench):
    """The setpoint needs two."""

    def make_judge(self):
        rule = {SETPOINT.id: TWO_PEOPLE}
        return Judge(
            self.book,
            self.store,
            self.claims,
            self.clock,
            rule=lambda point: rule.get(point.id, CommandRule()),
        )


@pytest.fixture
async def bench(tmp_path):
    bench = TwoPeopleBench(tmp_path)
    await bench.start()
    bench.store.put(reading(SETPOINT, 20.0))
    yield bench
    bench.close()


async def refused(call):
    with pytest.raises(FacilityError) as error:
        await call
    return error.value.kind, str(error.value)


async def asked(bench, user="mchen", wish=WISH):
    session = bench.as_(user=user)
    return await session.commit((await session.preview(wish)).id)


async def actions(bench):
    records = await bench.as_("auditor").audit(SETPOINT.id)
    return [(record.by, record.action) for record in reversed(records)]


async def test_the_first_person_writes_nothing_and_is_told_what_waits(bench):
    plan = await bench.as_().preview(WISH)
    assert (plan.verdict, plan.rule, plan.source) == ("second-person", "two-people", TWO_PEOPLE.cited)
    result = await bench.as_().commit(plan.id)
    assert (result.status, result.until, bench.device.writes) == ("asked", NOON + WAITS, [])
    assert f"Request {result.request} waits until 06:10" in result.text  # Chicago
    assert f"facility second {result.request}" in result.text
    assert await actions(bench) == [("user:mchen", "ask")]
    assert (await refused(bench.as_().commit(plan.id)))[0] == "stale-plan"  # it asks once


async def test_another_person_agrees_to_a_fresh_plan_and_then_it_is_written(bench):
    request = (await asked(bench)).request
    other = bench.as_(user="rdiaz")
    bench.device.put(SETPOINT, 21.0, priority=15)
    plan = await other.second(request)
    assert (plan.verdict, plan.owner, plan.reason) == ("allowed", "mchen, seconded by rdiaz", "valve test")
    assert "15 21.0 °C" in plan.wins  # read afresh
    assert bench.device.writes == []
    assert (await other.commit(plan.id)).status == "held"
    assert bench.device.writes == [(18.0, 8)]
    [claim] = bench.claims.standing()
    assert claim.by == "user:mchen"
    assert await actions(bench) == [("user:mchen", "ask"), ("user:rdiaz", "second"), ("user:mchen", "hold")]
    assert await other.waiting() == []


async def test_nobody_agrees_with_himself(bench):
    request = (await asked(bench)).request
    kind, why = await refused(bench.as_().second(request))
    assert (kind, "somebody else has to agree" in why, bench.device.writes) == ("not-allowed", True, [])


async def test_nobody_commits_what_was_shown_to_somebody_else(bench):
    plan = await bench.as_(user="mchen").preview(WISH)
    kind, why = await refused(bench.as_(user="rdiaz").commit(plan.id))
    assert (kind, "made for somebody else" in why) == ("not-allowed", True)
    request = (await bench.as_(user="mchen").commit(plan.id)).request
    agreed = await bench.as_(user="rdiaz").second(request)
    for user in ("mchen", "third"):
        assert (await refused(bench.as_(user=user).commit(agreed.id)))[0] == "not-allowed"
    assert bench.device.writes == []


async def test_who_sees_it_is_told_whether_he_may_agree(bench):
    request = (await asked(bench)).request
    seen = {}
    for role, user in (("operator", "mchen"), ("operator", "rdiaz"), ("viewer", "guest")):
        [info] = (await bench.as_(role, user).overview()).waiting
        seen[user] = (info.mine, info.may_second)
        assert (info.id, info.what, info.by) == (request, "write 18.0 °C to ahu-1/sp", "mchen")
        assert (info.reason, info.until, info.rule) == ("valve test", NOON + WAITS, "two-people")
    assert seen == {"mchen": (True, False), "rdiaz": (False, True), "guest": (False, False)}


async def test_who_may_not_command_there_may_not_agree_either(bench):
    request = (await asked(bench)).request
    theatre = Space(id=SpaceId("or-1"), name="OR 1", type="operating_room")
    placed = replace(bench.book.current.points[SETPOINT.id], space=theatre.id)
    bench.book.replace(Catalog.of(DEVICES, [*CATALOG.points.values(), placed], [theatre]))
    for session in (bench.as_("viewer", "guest"), bench.as_("engineer", "rdiaz", {"admin_office"})):
        for call in (session.second(request), session.dismiss(request)):
            assert (await refused(call))[0] == "not-allowed"
    plan = await bench.as_("operator", "surgeon", {"operating_room"}).second(request)
    assert [(space.name, space.critical) for space in plan.spaces] == [("OR 1", True)]


async def test_after_ten_minutes_it_is_forgotten_even_where_a_plan_is_still_open(bench):
    request = (await asked(bench)).request
    other = bench.as_(user="rdiaz")
    bench.clock.advance(minutes=9, seconds=30)
    plan = await other.second(request)
    bench.clock.advance(seconds=30)
    kind, why = await refused(other.commit(plan.id))
    assert (kind, why.endswith("Nothing was written.")) == ("unknown", True)
    assert await other.waiting() == []
    assert (await refused(other.second(request)))[0] == "unknown"
    assert bench.device.writes == []


async def test_a_clock_that_was_set_back_keeps_nothing_waiting_for_longer(bench):
    await asked(bench)
    bench.clock.time -= timedelta(hours=5)
    assert await bench.as_().waiting() == []


async def test_it_is_withdrawn_by_who_asked_and_declined_by_another(bench):
    first = (await asked(bench)).request
    assert (await bench.as_().dismiss(first)).mine
    second = (await asked(bench)).request
    other = bench.as_(user="rdiaz")
    plan = await other.second(second)
    await bench.as_(user="third").dismiss(second)
    assert (await refused(other.commit(plan.id)))[0] == "unknown"
    assert bench.device.writes == []
    assert await actions(bench) == [
        ("user:mchen", "ask"),
        ("user:mchen", "withdraw"),
        ("user:mchen", "ask"),
        ("user:third", "decline"),
    ]


async def test_asking_again_replaces_what_one_asked_for_before(bench):
    first = (await asked(bench)).request
    again = (await asked(bench, wish=WISH.model_copy(update={"value": 19}))).request
    third = (await asked(bench, user="rdiaz")).request
    assert [info.id for info in await bench.as_().waiting()] == [again, third]
    assert (await refused(bench.as_(user="third").second(first)))[0] == "unknown"


async def test_the_name_of_what_is_gone_is_not_given_to_something_else(bench, monkeypatch):
    names = iter(["a1b2", "c3d4", "a1b2", "e5f6", "a1b2"])
    monkeypatch.setattr("facility.requests.secrets.token_hex", lambda _octets: next(names))
    first = (await asked(bench)).request
    await asked(bench)  # in its place
    third = (await asked(bench, user="rdiaz")).request
    assert (first, third) == ("a1b2", "e5f6")
    bench.clock.advance(minutes=21)
    assert (await asked(bench)).request == "a1b2"


async def test_there_is_a_name_however_many_were_asked_for(bench, monkeypatch):
    monkeypatch.setattr("facility.requests.MANY", 1)
    monkeypatch.setattr("facility.requests.secrets.token_hex", lambda octets: f"{octets}")
    assert [(await asked(bench)).request, (await asked(bench)).request] == ["2", "4"]


async def test_what_could_not_be_written_waits_on(bench):
    request = (await asked(bench)).request
    other = bench.as_(user="rdiaz")
    plan = await other.second(request)
    bench.device.put(SETPOINT, 30.0, priority=16)
    assert (await refused(other.commit(plan.id)))[0] == "stale-plan"
    bench.device.put(SETPOINT, None, priority=16)
    plan = await other.second(request)
    bench.device.silent.add(SETPOINT.ref.device.instance)
    assert (await other.commit(plan.id)).status == "failed"
    bench.device.silent.clear()
    plan = await other.second(request)
    assert (await other.commit(plan.id)).status == "held"
    assert await other.waiting() == []


async def test_of_two_who_agree_at_once_one_carries_it_out(bench):
    request = (await asked(bench)).request
    one, other = bench.as_(user="rdiaz"), bench.as_(user="third")
    plans = [(one, await one.second(request)), (other, await other.second(request))]
    assert (await one.commit(plans[0][1].id)).status == "held"
    assert (await refused(other.commit(plans[1][1].id)))[0] == "unknown"
    assert bench.device.writes == [(18.0, 8)]


async def test_what_was_dismissed_at_the_moment_it_was_agreed_to_does_not_wait_again(bench):
    request = (await asked(bench)).request
    other = bench.as_(user="rdiaz")
    plan = await other.second(request)
    bench.device.silent.add(SETPOINT.ref.device.instance)
    agreed, dismissed = await asyncio.gather(
        other.commit(plan.id), bench.as_().dismiss(request), return_exceptions=True
    )
    assert agreed.status == "failed"
    assert (dismissed.kind, "agreed to at the same moment" in str(dismissed)) == ("unknown", True)
    assert await other.waiting() == []


async def test_nothing_waits_that_is_not_on_record_and_nobody_agrees_off_it(bench):
    plan = await bench.as_().preview(WISH)
    await bench.db.run(lambda connection: connection.execute(text("ALTER TABLE audit RENAME TO gone")))
    kind, why = await refused(bench.as_().commit(plan.id))
    assert (kind, why.endswith("Nothing was written, nobody was asked.")) == ("busy", True)
    assert await bench.as_().waiting() == []
    await bench.db.run(lambda connection: connection.execute(text("ALTER TABLE gone RENAME TO audit")))
    request = (await bench.as_().commit(plan.id)).request
    agreed = await bench.as_(user="rdiaz").second(request)
    await bench.db.run(lambda connection: connection.execute(text("ALTER TABLE audit RENAME TO gone")))
    assert (await refused(bench.as_(user="rdiaz").commit(agreed.id)))[0] == "busy"
    assert (bench.device.writes, [info.id for info in await bench.as_().waiting()]) == ([], [request])


async def test_to_let_go_needs_nobody_else(bench):
    request = (await asked(bench)).request
    other = bench.as_(user="rdiaz")
    await other.commit((await other.second(request)).id)
    released = await asked(bench, wish=Wish(point=SETPOINT.id, value=None, reason="done with it"))
    assert released.status == "released"


async def test_an_account_that_stands_for_whoever_is_behind_it_counts_for_nobody(bench):
    root = bench.as_("engineer", user="root", named=False)
    kind, text = await refused(root.commit((await root.preview(WISH)).id))
    assert kind == "not-allowed"
    assert "`[users]`" in text
    request = (await asked(bench)).request
    assert (await refused(root.second(request)))[0] == "not-allowed"
    assert bench.device.writes == []
