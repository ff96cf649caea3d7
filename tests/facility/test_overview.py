"""The whole building on one screen: what is not known is counted as not known."""

from dataclasses import replace
from datetime import timedelta

import pytest
from desk_bench import ELSEWHERE, FAN, OVERRIDE, SETPOINT
from session_bench import CATALOG, CONFIG, DEVICES, MONITORED, SessionBench, alarm, reading, status

from facility.compliance import Compliance
from facility.config.model import Config
from facility.model import Severity
from facility.overview import Overseer
from facility.profiles import Profiles
from facility.strategy import Strategy
from facility.wire import Link, OverrideInfo
from points.catalog import Catalog
from points.model import Priority, Quality, Source, Space, SpaceId

ALL = (SETPOINT, FAN, ELSEWHERE, MONITORED)
LATER = {"name": "lab", "weekdays": ["06:00 on", "20:00 off"], "default": "off"}
ALWAYS = {"name": "always", "default": "on"}


@pytest.fixture
async def bench(tmp_path):
    bench = SessionBench(tmp_path)
    yield await bench.start()
    bench.close()


def looked(bench, *, programmes=(), failed=0, blind=False, links=(), overrides=()):
    config = Config(**(CONFIG | {"programmes": [*CONFIG["programmes"], *programmes]}))
    compliance = Compliance(Profiles({}))
    compliance.update(bench.clock.now(), bench.book.current, bench.store.get)
    return Overseer(
        book=bench.book,
        store=bench.store,
        freshness=bench.freshness,
        compliance=compliance,
        alarms=bench.alarms,
        claims=bench.claims,
        strategy=Strategy(config, bench.clock.now().date()),
        clock=bench.clock,
        failed_commands=lambda: failed,
        blind=lambda: blind,
        links=lambda: list(links),
        banners=lambda links: [link.text for link in links],
        foreign=lambda: len(overrides),
        overrides=lambda most: list(overrides[:most]),
    ).overview()


def read_all(bench, *points):
    for point in points or ALL:
        bench.store.put(reading(point, 20.0))


async def test_it_is_ok_when_every_present_point_has_been_read_and_nothing_is_wrong(bench):
    read_all(bench)
    seen = looked(bench)
    assert (seen.verdict, seen.reasons) == ("OK", [])
    assert seen.points == {"total": 4, "read": 4, "good": 4, "unknown": 0, "out": 0, "cov": 0, "poll": 4}


async def test_it_is_never_ok_before_every_present_point_was_read(bench):
    assert looked(bench).verdict == "UNKNOWN"
    read_all(bench, SETPOINT, FAN, ELSEWHERE)
    seen = looked(bench)
    assert (seen.verdict, seen.reasons) == ("UNKNOWN", ["not every point has been read yet"])
    assert (seen.points["total"], seen.points["read"], seen.points["unknown"]) == (4, 3, 1)


async def test_a_point_that_is_gone_is_not_waited_for(bench):
    gone = replace(MONITORED, present=False)
    bench.book.replace(Catalog.of(DEVICES, [SETPOINT, FAN, ELSEWHERE, gone]))
    read_all(bench, SETPOINT, FAN, ELSEWHERE)
    seen = looked(bench)
    assert (seen.verdict, seen.points["total"]) == ("OK", 3)


@pytest.mark.parametrize("points", [[], [replace(point, present=False) for point in ALL]])
async def test_a_building_of_which_nothing_is_left_is_not_ok(bench, points):
    read_all(bench)
    bench.book.replace(Catalog.of(DEVICES, points))
    assert looked(bench).verdict == "UNKNOWN"


async def test_it_is_not_ok_when_nobody_looks_any_more(bench):
    read_all(bench)
    assert looked(bench, blind=True).verdict == "UNKNOWN"


@pytest.mark.parametrize("quality", [Quality.UNCERTAIN, Quality.BAD, Quality.STALE])
async def test_whatever_is_not_good_counts_as_unknown(bench, quality):
    read_all(bench)
    bench.store.put(reading(SETPOINT, 20.0, quality, source=Source.COV))
    points = looked(bench).points
    assert (points["read"], points["good"], points["unknown"]) == (4, 3, 1)
    assert (points["cov"], points["poll"]) == (1, 3)


async def test_a_failed_command_is_worth_a_look(bench):
    read_all(bench)
    seen = looked(bench, failed=2)
    assert (seen.verdict, seen.reasons) == ("WATCH", ["2 commands failed"])


async def test_lamps_count_what_stands_and_what_nobody_has_seen(bench):
    now = bench.clock.now()
    await bench.stand(
        alarm("a"), alarm("b", acknowledged=now), alarm("c", ended=now), alarm("d", severity=Severity.LOW)
    )
    lamps = {name: (lamp.standing, lamp.new) for name, lamp in looked(bench).lamps.items()}
    assert lamps == {"LIFE": (0, 0), "CRIT": (2, 2), "HIGH": (0, 0), "LOW": (1, 1)}
    assert looked(bench).verdict == "NOT OK"


async def test_only_devices_that_answer_count_as_online(bench):
    bench.freshness.statuses = {"ahu-1": status(), "vav-9": status(status="slow")}
    seen = looked(bench)
    assert (seen.devices_online, seen.devices_total) == (1, 2)


async def test_holds_are_listed_the_strongest_first_and_then_by_their_end(bench):
    await bench.desk.submit(replace(OVERRIDE, priority=Priority.SCHEDULE, by="policy:office-heating"))
    await bench.desk.submit(replace(OVERRIDE, point=ELSEWHERE.id, lasts=timedelta(hours=4)))
    await bench.desk.submit(OVERRIDE)
    assert [(hold.point, hold.priority) for hold in looked(bench).holds] == [
        (SETPOINT.id, 8),
        (ELSEWHERE.id, 8),
        (SETPOINT.id, 15),
    ]


async def test_a_hold_says_in_which_room_it_is(bench):
    placed = replace(SETPOINT, space=SpaceId("icu-2"))
    catalog = bench.book.current
    bench.book.replace(Catalog.of(catalog.devices.values(), [placed], [Space(id=SpaceId("icu-2"), name="ICU 2")]))
    await bench.desk.submit(OVERRIDE)
    assert [hold.space for hold in looked(bench).holds] == ["ICU 2"]


async def test_what_comes_next_is_sorted_and_says_how_many_points_it_moves(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(replace(OVERRIDE, priority=Priority.SCHEDULE, by="policy:office-heating"))
    seen = looked(bench, programmes=[LATER, ALWAYS]).upcoming
    assert [(item.what, item.points) for item in seen] == [
        ("hold of ahu-1/sp by mchen ends", 1),  # the lease of a policy is not news
        ("lab: on", 0),
        ("office: occupied", 1),
    ]
    assert [item.at for item in seen] == sorted(item.at for item in seen)


async def test_what_comes_next_fits_a_screen_and_the_week(bench):
    often = [{"name": f"p-{number}", "weekdays": ["06:00 on"]} for number in range(20)]
    rare = {"name": "rare", "exceptions": [{"name": "day", "first": "2026-04-01", "changes": ["06:00 on"]}]}
    seen = looked(bench, programmes=[rare, *often]).upcoming
    assert len(seen) == 12
    assert not any(item.what.startswith("rare") for item in seen)


async def test_a_policy_is_shown_with_what_it_selects_and_what_it_holds(bench):
    (policy,) = looked(bench).policies
    assert (policy.name, policy.kind, policy.points, policy.held, policy.priority, policy.state) == (
        "office-heating",
        "weekly",
        1,
        0,
        15,
        "unoccupied",
    )
    await bench.desk.submit(replace(OVERRIDE, priority=Priority.SCHEDULE, by="policy:office-heating"))
    assert [policy.held for policy in looked(bench).policies] == [1]


async def test_a_person_of_the_same_name_holds_nothing_for_a_policy(bench):
    await bench.desk.submit(replace(OVERRIDE, by="user:office-heating"))
    assert [policy.held for policy in looked(bench).policies] == [0]


async def test_banners_are_told_of_the_links_that_are_shown(bench):
    link = Link(name="mqtt", state="down", text="no broker")
    seen = looked(bench, links=[link])
    assert (seen.links, seen.banners, seen.at) == ([link], ["no broker"], bench.clock.now())
    assert len(CATALOG.points) == len(ALL)


async def test_of_what_others_hold_the_strongest_are_shown_and_all_are_counted(bench):
    fields = {"space": "", "level_name": "free level", "text": "on", "kind": "slot", "wins": True}
    point = SETPOINT.id
    many = [OverrideInfo(point=point, level=9, since=bench.clock.now(), seen=bench.clock.now(), **fields)] * 40
    seen = looked(bench, overrides=many)
    assert (seen.foreign, len(seen.overrides)) == (40, 12)
