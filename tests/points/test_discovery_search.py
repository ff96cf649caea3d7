"""The search: everybody is asked for, nobody too often, and no network has to bear too many answers at once."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from random import Random

import pytest
from controllers import a_controller, found
from hypothesis import given
from hypothesis import strategies as st
from pretend import PretendBacnet, PretendDevice

from points.bacnet.port import IAm
from points.discovery import DiscoveryPlan
from points.discovery.search import Searched, search, slices
from points.errors import DeviceError
from points.model import Device, DeviceId, EventKind

LAST = 4_194_302
INSTANCES = st.integers(min_value=0, max_value=LAST)


class Crowd(PretendBacnet):
    """Counts what it is asked and how many answer at once."""

    def __init__(self, *devices: PretendDevice) -> None:
        super().__init__(*devices)
        self.asked: list[tuple[str | None, int, int]] = []
        self.waits: list[float] = []
        self.answers: list[int] = []
        self.pauses: list[float] = []
        self.windows_close = asyncio.Event()
        self.windows_close.set()
        self.listening = self.listening_at_once = 0

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        self.asked.append((target, low, high))
        self.waits.append(wait)
        self.listening += 1
        self.listening_at_once = max(self.listening_at_once, self.listening)
        heard = await super().who_is(low, high, target=target, wait=wait)
        await self.windows_close.wait()
        self.answers.append(len(heard))
        self.listening -= 1
        return heard

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


def crowd(number: int, *, first: int = 1000) -> list[PretendDevice]:
    return [PretendDevice(first + each, address=f"10.0.{each // 250}.{each % 250 + 1}") for each in range(number)]


def known(devices: list[PretendDevice]) -> list[Device]:
    return [Device(id=DeviceId(str(each.ref.instance)), ref=each.ref, name="") for each in devices]


async def searched(bacnet: Crowd, *before: Device, **plan: object) -> Searched:
    return await search(
        bacnet,
        DiscoveryPlan(**plan),  # type: ignore[arg-type]  # each field by its name
        before,
        heard=lambda _: None,
        sent=lambda _: None,
        random=Random(7),
        pause=bacnet.pause,
    )


@given(st.lists(st.tuples(INSTANCES, INSTANCES).map(sorted), min_size=1, max_size=3), st.sets(INSTANCES, max_size=400))
def test_slices_cover_every_instance_asked_for_and_none_twice(
    asked: list[tuple[int, int]], instances: set[int]
) -> None:
    for low, high in asked:
        cut = list(slices([(low, high)], instances))
        assert cut[0][0] == low
        assert cut[-1][1] == high
        assert all(first <= last for first, last in cut)
        assert all(last + 1 == first for (_, last), (first, _) in pairwise(cut))
        assert all(sum(first <= each <= last for each in instances) <= 64 for first, last in cut)


def test_nobody_is_asked_without_bounds() -> None:
    assert (0, LAST) not in list(slices([(0, LAST)]))


async def test_a_storm_of_answers_comes_once_at_most() -> None:
    bacnet = Crowd(*crowd(1000))
    result = await searched(bacnet)
    assert len(result.heard) == 1000
    assert result.stable
    first_pass = 5
    assert max(bacnet.answers[:first_pass]) == 1000  # nobody could have known
    assert max(bacnet.answers[first_pass:]) <= 64


async def test_a_known_site_answers_in_small_numbers_from_the_start() -> None:
    devices = crowd(1000)
    bacnet = Crowd(*devices)
    assert len((await searched(bacnet, *known(devices))).heard) == 1000
    assert max(bacnet.answers) <= 64


async def test_the_budget_of_who_is_is_kept_and_none_comes_as_regularly_as_a_clock() -> None:
    bacnet = Crowd(*crowd(200))
    await searched(bacnet, who_is_per_minute=120)
    assert len(bacnet.pauses) == len(bacnet.asked)
    assert all(0.5 <= pause <= 0.7 for pause in bacnet.pauses)
    assert len(set(bacnet.pauses)) > 1


async def test_the_next_slice_is_asked_while_the_last_one_is_still_heard() -> None:
    bacnet = Crowd(*crowd(3))
    bacnet.windows_close.clear()
    task = asyncio.create_task(searched(bacnet, passes=1))
    while len(bacnet.asked) < 5:
        await asyncio.sleep(0)
    assert bacnet.listening_at_once > 1
    assert not task.done()
    bacnet.windows_close.set()
    assert len((await task).heard) == 3


async def test_the_first_search_of_a_site_listens_longer() -> None:
    first, again = Crowd(*crowd(3)), Crowd(*crowd(3))
    await searched(first, wait=1.0, first_wait=2.0)
    await searched(again, *known(crowd(3)), wait=1.0, first_wait=2.0)
    assert (set(first.waits), set(again.waits)) == ({2.0}, {1.0})


async def test_after_the_first_pass_the_slices_come_in_another_order() -> None:
    bacnet = Crowd(*crowd(500))
    await searched(bacnet)
    later = bacnet.asked[5:]
    assert sorted(later) != later
    assert sorted(low for _, low, _ in later) == sorted({low for _, low, _ in later})


async def test_each_network_is_asked_by_itself_and_cut_by_who_is_there() -> None:
    devices = crowd(200)
    for device in devices[:100]:
        device.ref = type(device.ref)(network=11, address=device.ref.address, instance=device.ref.instance)
    bacnet = Crowd(*devices)
    await searched(bacnet, *known(devices), targets=("11:*", "12:*"), passes=1)
    assert sum(target == "11:*" for target, _, _ in bacnet.asked) == 6  # one decade in two
    assert sum(target == "12:*" for target, _, _ in bacnet.asked) == 5


class Restless(Crowd):
    """Somebody new answers every time."""

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        newcomer = PretendDevice(2000 + len(self.asked), address=f"10.9.0.{len(self.asked)}")
        self.devices[newcomer.ref] = newcomer
        return await super().who_is(low, high, target=target, wait=wait)


async def test_a_search_that_never_settles_ends_and_says_so() -> None:
    bacnet = Restless()
    result = await searched(bacnet, passes=50, who_is_most=20)
    assert not result.stable
    assert (result.who_is, len(bacnet.asked)) == (20, 20)


async def test_a_building_that_never_settles_is_told() -> None:
    discovered = await found(plan=DiscoveryPlan(passes=50, who_is_most=20), bacnet=Restless(a_controller()))
    (event,) = [event for event in discovered.events if event.kind is EventKind.SYSTEM]
    assert "20 Who-Is" in event.text


async def test_the_number_of_who_is_is_told() -> None:
    seen: list[int] = []
    await search(
        Crowd(),
        DiscoveryPlan(passes=1),
        [],
        heard=lambda _: None,
        sent=seen.append,
        random=Random(7),
        pause=Crowd().pause,
    )
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("passes", [1, 4])
async def test_without_a_place_to_look_nothing_is_sent(passes: int) -> None:
    bacnet = Crowd(*crowd(2))
    assert (await searched(bacnet, targets=(), passes=passes)).heard == {}
    assert bacnet.asked == []


async def test_a_flood_of_claimed_devices_is_bounded_and_known_ones_are_heard_in_it() -> None:
    devices = crowd(300)
    mine = devices[-1]
    bacnet = Crowd(*devices)
    result = await searched(bacnet, *known([mine]), devices_most=100)
    assert len(result.heard) == 101
    assert mine.ref in result.heard
    assert result.ignored == 199


async def test_a_flood_is_told() -> None:
    bacnet = Crowd(*(a_controller(instance) for instance in range(1, 5)))
    discovered = await found(plan=DiscoveryPlan(devices_most=3), bacnet=bacnet)
    assert len(discovered.catalog.devices) == 3
    assert any("flooding" in event.text for event in discovered.events)


class Picky(Crowd):
    """Cannot send to everywhere."""

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        if target == "banana":
            self.asked.append((target, low, high))
            raise DeviceError("'banana' is no place to look")
        return await super().who_is(low, high, target=target, wait=wait)


async def test_a_place_that_cannot_be_asked_costs_the_others_nothing() -> None:
    bacnet = Picky(*crowd(3))
    result = await searched(bacnet, targets=("banana", None))
    assert len(result.heard) == 3
    assert result.refused == {"banana": "'banana' is no place to look"}
    assert sum(target == "banana" for target, _, _ in bacnet.asked) == 1


async def test_a_place_that_cannot_be_asked_is_told() -> None:
    discovered = await found(plan=DiscoveryPlan(targets=("banana", None)), bacnet=Picky(a_controller()))
    assert len(discovered.catalog.devices) == 1
    assert [event.text for event in discovered.events if event.kind is EventKind.SYSTEM] == [
        "Nobody was looked for at 'banana': 'banana' is no place to look"
    ]
