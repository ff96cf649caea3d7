"""From two people at the command line to the point that is unlocked and the limit that is wider: the parts together."""

import asyncio
from dataclasses import replace

import pytest
from desk_bench import OVERRIDE
from session_bench import DEVICES, WARM, SessionBench
from typer.testing import CliRunner

from facility.agreement import Agreement
from facility.catalog_rows import save_catalog
from facility.cli import app, common, relax
from facility.consents import Consents, load
from facility.model import Held, Rejected
from facility.port import FacilityError
from facility.session import Session
from facility.shape import shape_of
from facility.survey import Survey
from facility.users import User
from points.catalog import Catalog
from points.discovery import DiscoveryPlan
from points.model import Access, Safety
from points.site_rules import PointRule, SpaceRule

KEY = "point ahu-1/sp safety unknown -> comfort"
LOW = "profile operating_room.limits.room-pressure.low 2.5 -> 1"
POINT = replace(WARM, name="XQZ", safety=Safety.UNKNOWN)  # nobody could say what it is


@pytest.fixture
async def bench(tmp_path):
    bench = await SessionBench(tmp_path).start()
    file = tmp_path / "own.toml"
    file.write_text("[operating_room.limits]\nroom-pressure = { low = 1 }\n")
    bench.consents = Consents(file)
    rules = [PointRule(match="ahu-1/sp", safety=Safety.COMFORT)]
    rooms = [SpaceRule(id="plant-1", name="Plant room", type="unknown", match=["ahu-1/sp"])]
    bench.survey = Survey(
        bacnet=bench.device,
        plan=DiscoveryPlan(),
        book=bench.book,
        db=bench.db,
        shape=shape_of(rules, rooms, bench.consents.gate),
        events=bench.events,
        clock=bench.clock,
        every=None,
        changed=lambda: None,
    )
    await save_catalog(bench.db, Catalog.of(DEVICES, [POINT]))
    await bench.survey.restore()
    agreement = Agreement(bench.consents, bench.db, bench.desk, bench.audit, bench.clock, bench.survey.reshape)
    bench.parts = replace(bench.parts, survey=bench.survey, agreement=agreement)
    yield bench
    bench.close()


def access(bench):
    return bench.book.current.points[POINT.id].access


async def test_the_second_of_two_people_unlocks_the_point_at_once_and_a_withdrawal_locks_it(bench):
    ann, ben = bench.as_("engineer", "ann"), bench.as_("engineer", "ben")
    assert isinstance(await bench.desk.submit(OVERRIDE), Rejected)
    (waiting,) = await ann.consent([KEY], "seen at the unit")
    assert (waiting.in_force, [each.by for each in waiting.consents]) == (False, ["user:ann"])
    assert access(bench) is Access.MONITOR_ONLY
    (holding,) = await ben.consent([KEY], "seen at the unit, too")
    assert (holding.in_force, access(bench)) == (True, Access.COMMANDABLE)
    assert isinstance(await bench.desk.submit(OVERRIDE), Held)
    (withdrawn,) = await ann.consent([KEY], "it was another unit", withdraw=True)
    assert (withdrawn.in_force, withdrawn.consents) == (False, [])
    assert access(bench) is Access.MONITOR_ONLY
    assert isinstance(await bench.desk.submit(replace(OVERRIDE, value=20.0)), Rejected)


async def test_what_is_held_is_let_go_of_before_the_point_is_locked_again(bench):
    for name in ("ann", "ben"):
        await bench.as_("engineer", name).consent([KEY], "seen at the unit")
    assert isinstance(await bench.desk.submit(OVERRIDE), Held)
    assert bench.slot() == 18.0
    await bench.as_("engineer", "ann").consent([KEY], "it was another unit", withdraw=True)
    assert (bench.slot(), bench.claims.standing(), access(bench)) == (None, [], Access.MONITOR_ONLY)


def all_in_the_end(bench):
    """What the agent goes on with by itself, from a start on."""
    return asyncio.create_task(
        Agreement(
            bench.consents, bench.db, bench.desk, bench.audit, bench.clock, bench.survey.reshape
        ).withdrawals.run()
    )


async def passed(bench, condition):
    """Until it is so, ten seconds after ten seconds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)
            bench.clock.advance(seconds=10)


async def test_a_withdrawal_waits_until_what_is_held_has_been_let_go_of_also_after_a_start(bench):
    ann, ben = bench.as_("engineer", "ann"), bench.as_("engineer", "ben")
    for somebody in (ann, ben):
        await somebody.consent([KEY], "seen at the unit")
    assert isinstance(await bench.desk.submit(OVERRIDE), Held)
    bench.device.silent.add(POINT.ref.device.instance)
    (waiting,) = await ann.consent([KEY], "it was another unit", withdraw=True)
    assert (waiting.in_force, waiting.ending, waiting.consents) == (True, True, [])
    assert (bench.slot(), access(bench)) == (18.0, Access.COMMANDABLE)  # what is locked could not be let go of
    with pytest.raises(FacilityError, match="was withdrawn"):
        await ben.consent([KEY], "I do not think so")
    bench.device.silent.clear()
    running = all_in_the_end(bench)
    await passed(bench, lambda: access(bench) is Access.MONITOR_ONLY)
    assert (bench.slot(), bench.claims.standing(), await load(bench.db)) == (None, [], [])
    running.cancel()


async def test_a_withdrawal_is_the_agents_and_lets_go_of_whatever_anybody_holds_there(bench):
    for name in ("ann", "ben"):
        await bench.as_("engineer", name).consent([KEY], "seen at the unit")
    assert isinstance(await bench.desk.submit(OVERRIDE), Held)
    await bench.as_("engineer", "ann").consent([KEY], "it was another unit", withdraw=True)
    released = next(each for each in await bench.as_("auditor").audit() if each.action == "release")
    assert (released.by, released.reason) == ("agent", "consent withdrawn by ann: it was another unit")


async def test_a_withdrawal_holds_at_once_and_its_record_is_owed(bench):
    for name in ("ann", "ben"):
        await bench.as_("engineer", name).consent([KEY], "seen at the unit")
    bench.db.run_now(lambda connection: connection.exec_driver_sql("ALTER TABLE audit RENAME TO elsewhere"))
    with pytest.raises(FacilityError, match=r"^Withdrawn: 1 not in force.*It is not on record yet") as told:
        await bench.as_("engineer", "ann").consent([KEY], "it was another unit", withdraw=True)
    assert "count again" not in str(told.value)
    assert (access(bench), await load(bench.db)) == (Access.MONITOR_ONLY, [])
    bench.db.run_now(lambda connection: connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO audit"))
    await bench.audit.note(by="agent", action="start", target="agent")
    latest, owed = (await bench.as_("auditor").audit())[:2]
    assert (latest.action, owed.by, owed.action, owed.target) == ("start", "user:ann", "withdraw consent", KEY)
    assert owed.result.startswith("1 not in force")


async def test_a_withdrawal_that_cannot_be_stored_holds_and_is_stored_when_it_can_be(bench):
    for name in ("ann", "ben"):
        await bench.as_("engineer", name).consent([KEY], "seen at the unit")
    bench.db.run_now(lambda connection: connection.exec_driver_sql("ALTER TABLE consents RENAME TO elsewhere"))
    with pytest.raises(FacilityError, match="should the agent end before, it would count again"):
        await bench.as_("engineer", "ann").consent([KEY], "it was another unit", withdraw=True)
    assert access(bench) is Access.MONITOR_ONLY
    bench.db.run_now(lambda connection: connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO consents"))
    assert len(await load(bench.db)) == 2
    running = asyncio.create_task(bench.parts.agreement.withdrawals.run())
    await passed(bench, lambda: not bench.parts.agreement.withdrawals.ending)
    running.cancel()
    assert await load(bench.db) == []


async def test_every_word_is_on_record_with_what_came_of_it(bench):
    await bench.as_("engineer", "ann").consent([KEY, LOW], "looked at both")
    await bench.as_("engineer", "ben").consent([KEY], "looked at it")
    await bench.as_("admin", "ben").consent([KEY], "not sure any more", withdraw=True)
    latest, before, first = (await bench.as_("auditor").audit())[:3]
    assert (first.by, first.action, first.target, first.reason) == (
        "user:ann",
        "consent",
        "2 relaxations",
        "looked at both",
    )
    assert KEY in first.value
    assert LOW in first.value
    assert first.result == "2 not in force, the stricter holds: 2 people have to agree"
    assert (before.target, before.result) == (KEY, "1 in force")
    assert (latest.action, latest.result.startswith("1 not in force")) == ("withdraw consent", True)


async def test_one_person_is_one_however_often(bench):
    ann = bench.as_("engineer", "ann")
    await ann.consent([KEY], "seen at the unit")
    with pytest.raises(FacilityError, match="somebody else has to agree") as refusal:
        await ann.consent([KEY], "I am really sure")
    assert refusal.value.kind == "bad-wish"
    assert access(bench) is Access.MONITOR_ONLY


async def test_an_account_that_the_site_has_not_named_is_nobody_in_particular(bench):
    root = Session(bench.parts, User(name="root", role="engineer", named=False))
    with pytest.raises(FacilityError, match="The account root may be anybody's"):
        await root.consent([KEY], "seen at the unit")
    await bench.as_("engineer", "ann").consent([KEY], "seen at the unit")
    (withdrawn,) = await root.consent([KEY], "locked again", withdraw=True)
    assert withdrawn.consents == []


@pytest.mark.parametrize("role", ["viewer", "operator", "auditor", "service"])
async def test_who_may_not_agree_does_not(bench, role):
    with pytest.raises(FacilityError, match="you may not agree to a relaxation"):
        await bench.as_(role).consent([KEY], "seen at the unit")
    assert await load(bench.db) == []


async def test_who_acts_in_some_rooms_only_agrees_to_those_only(bench):
    confined = bench.as_("engineer", "cho", spaces=["plant-1"])
    assert [info.key for info in await confined.consent([KEY], "my plant room")] == [KEY]
    with pytest.raises(FacilityError, match="plant-1 only"):
        await confined.consent([LOW], "not my room")


@pytest.mark.parametrize(
    ("keys", "reason", "withdraw", "told"),
    [
        ([KEY.replace("comfort", "critical")], "seen at it", False, "There is no relaxation"),
        ([KEY], "ok", False, "needs a reason"),
        ([], "seen at it", False, "Say which"),
        ([KEY], "seen at it", True, "Nobody has agreed"),
    ],
)
async def test_what_makes_no_sense_is_told_and_not_recorded(bench, keys, reason, withdraw, told):
    with pytest.raises(FacilityError, match=told):
        await bench.as_("engineer").consent(keys, reason, withdraw=withdraw)
    assert await bench.as_("auditor").audit() == []


async def test_without_a_record_nobody_has_agreed(bench):
    bench.db.run_now(lambda connection: connection.exec_driver_sql("ALTER TABLE audit RENAME TO elsewhere"))
    with pytest.raises(FacilityError, match="Nothing was agreed to"):
        await bench.as_("engineer", "ann").consent([KEY], "seen at the unit")
    assert await load(bench.db) == []


async def test_the_profile_that_others_hold_changes_with_the_second_consent(bench):
    held = bench.consents.profiles
    lows = []
    for name in ("ann", "ben"):
        await bench.as_("engineer", name).consent([LOW], "proven with smoke")
        lows.append(held.of("operating_room").limits["room-pressure"].low)
    assert lows == [2.5, 1]
    assert bench.consents.waiting() == 1  # the point


# As it is typed.


@pytest.fixture
def typed(bench, monkeypatch):
    """Runs a verb as somebody."""

    def run(user, *words):
        def ask(_socket, question):
            with asyncio.Runner() as runner:
                try:
                    return runner.run(question(bench.as_("engineer", user)))
                except FacilityError as error:
                    common.fail(str(error), common.Exit.NO)

        monkeypatch.setattr(relax, "ask", ask)
        return CliRunner().invoke(app, [*words])

    return run


async def test_a_pattern_chooses_and_the_table_says_what_is_still_needed(typed):
    listed = await asyncio.to_thread(typed, "ann", "relaxations")
    assert KEY in listed.output
    assert "NOT IN FORCE: needs two people" in listed.output
    agreed = await asyncio.to_thread(typed, "ann", "consent", "point *", "--reason", "seen at the unit")
    assert "NOT IN FORCE: needs one more" in agreed.output
    assert LOW not in agreed.output
    agreed = await asyncio.to_thread(typed, "ben", "consent", KEY, "--reason", "seen at the unit")
    assert "ann, ben" in agreed.output
    assert "NOT" not in agreed.output
    nothing = await asyncio.to_thread(typed, "ben", "consent", "nothing like it", "--reason", "seen")
    assert (nothing.exit_code, "No relaxation is like" in nothing.stderr) == (1, True)


def test_the_profiles_are_listed_with_what_the_site_has_changed(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(
        "[operating_room.limits]\nroom-pressure = { low = 1 }\n"
        'zone-temperature = { low = 21, source = "our report", verified_by = "Ann", verified_on = "2026-02-01" }\n'
    )
    config = tmp_path / "facility.toml"
    config.write_text(f'profiles = "{own}"\n[agent]\nstate_dir = "{tmp_path / "state"}"\n')
    shown = CliRunner().invoke(app, ["profiles", "operating-room", "--config", str(config)])
    assert shown.exit_code == 0, shown.output
    lines = {line.split()[0]: line for line in shown.output.splitlines() if line}
    pressure = lines["operating_room.limits.room-pressure.low"]
    assert "2.5 (asked for: 1; needs two people)" in pressure
    assert "NOT VERIFIED" in pressure
    warm = lines["operating_room.limits.zone-temperature.low"]
    assert warm.split()[1:3] == ["21", "20"]
    assert "our report" in warm
    assert "Ann 2026-02-01" in warm
    assert "values" in shown.output.splitlines()[-1]
    strange = CliRunner().invoke(app, ["profiles", "ball_room", "--config", str(config)])
    assert (strange.exit_code, "There is no profile 'ball_room'" in strange.stderr) == (1, True)
