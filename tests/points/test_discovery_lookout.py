"""Whom to look for out of turn, and how narrowly."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pretend import START

from points.discovery import DiscoveryPlan, Lookout
from points.discovery.lookout import AT_ONCE
from points.discovery.search import Range, around, within
from points.model import DeviceRef


def at(instance: int) -> DeviceRef:
    return DeviceRef(network=0, address=f"10.0.{instance // 250}.{instance % 250}:47808", instance=instance)


def test_known_devices_that_shout_do_not_drown_a_stranger() -> None:
    lookout = Lookout(DiscoveryPlan())
    known = {at(instance) for instance in range(2 * AT_ONCE)}
    for ref in [*known, at(5000)]:
        lookout.announced(ref, known, START)
    assert lookout.wanted([], known, START) == {5000}


def test_a_stranger_that_has_become_known_meanwhile_is_not_looked_for() -> None:
    lookout = Lookout(DiscoveryPlan())
    lookout.announced(at(1), set(), START)
    assert lookout.wanted([], {at(1)}, START) == set()


def test_a_flood_is_cut_off() -> None:
    lookout = Lookout(DiscoveryPlan())
    for instance in range(2 * AT_ONCE):
        lookout.announced(at(instance), set(), START)
    assert len(lookout.wanted([], set(), START)) == AT_ONCE


def test_after_a_look_at_everything_there_is_none_for_a_while() -> None:
    lookout = Lookout(DiscoveryPlan())
    lookout.looked(START)
    lookout.announced(at(1), set(), START)
    assert lookout.wanted([], set(), START + timedelta(seconds=30)) == set()
    assert lookout.wanted([], set(), START + timedelta(minutes=5)) == {1}


@pytest.mark.parametrize(
    ("wanted", "there", "ranges"),
    [
        ([], [], []),
        ([7], [7], [(7, 7)]),
        ([10, 20, 30], [10, 20, 30], [(10, 30)]),
        ([999, 1000], [999, 1000], [(999, 999), (1000, 1000)]),  # two decades
        ([0, 500], range(501), [(0, 0), (500, 500)]),  # a crowd in between
        (range(100), range(100), [(0, 63), (64, 99)]),  # a crowd by itself
    ],
)
def test_few_who_is_find_many_and_none_wakes_a_crowd(wanted: list[int], there: list[int], ranges: list[Range]) -> None:
    assert around(wanted, there) == ranges


def test_only_what_the_site_searches_is_searched() -> None:
    assert within([(0, 99), (200, 299)], [(50, 250), (400, 400)]) == ((50, 99), (200, 250))
