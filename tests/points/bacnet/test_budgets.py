"""Budgets: nobody is asked more at once, or more often, than it bears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.bacnet.budgets import RECOVERY, Allowance, Budget, Budgets, Rate
from points.model import DeviceRef
from points.passport import Passports


def device(number: int, network: int = 11) -> DeviceRef:
    return DeviceRef(network=network, address=str(number), instance=number)


@given(st.floats(1.0, 5000.0), st.lists(st.floats(0.0, 0.5), min_size=1, max_size=200))
def test_a_rate_is_never_exceeded_by_more_than_its_burst(per_second: float, pauses: list[float]) -> None:
    rate, now = Rate(per_second), 1000.0
    went: list[float] = []
    for pause in pauses:
        now += pause
        now += rate.wait(now)
        went.append(now)
    for first in range(0, len(went), 7):
        for last in range(first, len(went), 5):
            most = (went[last] - went[first] + rate.slack) * per_second + 1
            assert last - first + 1 <= most + 1e-6 * most


@asynccontextmanager
async def turn_of(budget: Budget, *, urgent: bool = False) -> AsyncIterator[None]:
    if not budget.enters(urgent=urgent):
        await budget.enter(urgent=urgent)
    try:
        yield
    finally:
        budget.leave()


async def test_who_waits_is_let_in_in_order_and_a_cancelled_one_leaves_its_place() -> None:
    budgets, entered = Budgets(Allowance(per_second=1e6), Passports()), []
    budget = budgets.of(device(1))
    assert budget.enters(urgent=False)

    async def visit(number: int) -> None:
        async with turn_of(budget):
            entered.append(number)

    visits = [asyncio.ensure_future(visit(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert not budget.enters(urgent=False)
    visits[1].cancel()
    await asyncio.sleep(0)
    budget.leave()
    await asyncio.gather(*visits, return_exceptions=True)
    assert entered == [0, 2, 3]
    assert budgets.ways()[11] == (0, 8)


async def test_a_place_that_came_too_late_is_given_on() -> None:
    budgets = Budgets(Allowance(per_second=1e6), Passports())
    budget = budgets.of(device(1))
    assert budget.enters(urgent=False)
    waiting = asyncio.ensure_future(budget.enter(urgent=False))
    await asyncio.sleep(0)
    budget.leave()  # the place is given ...
    waiting.cancel()  # ... to somebody who has just gone
    await asyncio.gather(waiting, return_exceptions=True)
    assert budget.enters(urgent=False)


async def test_one_device_at_an_address_is_asked_one_thing_at_a_time_and_the_network_so_many() -> None:
    budgets = Budgets(Allowance(per_network=3, per_second=1e6), Passports())
    running: dict[str, int] = {"now": 0, "most": 0}
    at_device: dict[DeviceRef, int] = {}

    async def ask(ref: DeviceRef) -> None:
        async with turn_of(budgets.of(ref)):
            at_device[ref] = at_device.get(ref, 0) + 1
            running["now"] += 1
            running["most"] = max(running["most"], running["now"])
            assert at_device[ref] == 1
            await asyncio.sleep(0)
            at_device[ref] -= 1
            running["now"] -= 1

    await asyncio.gather(*(ask(device(number % 10)) for number in range(60)))
    assert running == {"now": 0, "most": 3}


async def test_networks_behind_one_router_share_it() -> None:
    budgets = Budgets(Allowance(per_network=2, per_second=1e6), Passports())
    most = now = 0

    async def ask(network: int, number: int) -> None:
        nonlocal most, now
        async with turn_of(budgets.of(device(number, network), ("10.0.0.1", 47808))):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(ask(network, number) for network in range(1, 6) for number in range(4)))
    assert most == 4  # five networks of two each would be ten


async def test_a_network_whose_living_devices_fall_silent_together_gets_less_and_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passports, now = Passports(), 1000.0
    budgets = Budgets(Allowance(per_network=8, per_second=1e6), passports)
    monkeypatch.setattr(budgets, "now", lambda: now)
    one, other = budgets.of(device(1)), budgets.of(device(2))
    for budget, of in ((one, device(1)), (other, device(2))):
        budget.answered(of, now)
    async with turn_of(one), turn_of(other):
        one.silent(device(1))
        one.silent(device(1))
        assert budgets.ways()[11] == (2, 8)  # one alone is its own trouble
        other.silent(device(2))
    assert budgets.ways()[11] == (0, 4)
    assert passports.network(11).outstanding == 4
    again = Budgets(Allowance(per_network=8), passports)
    again.of(device(1))
    assert again.ways()[11] == (0, 4)
    now += RECOVERY + 1
    one.answered(device(1), now)
    assert budgets.ways()[11] == (0, 5)


async def test_a_device_that_dies_while_others_answer_costs_its_network_nothing() -> None:
    budgets = Budgets(Allowance(per_network=8, per_second=1e6), Passports())
    dying, living = budgets.of(device(1)), budgets.of(device(2))
    dying.answered(device(1), budgets.now())
    async with turn_of(dying), turn_of(living):
        for _ in range(3):
            living.answered(device(2), budgets.now())
            dying.silent(device(1))
    assert budgets.ways()[11] == (0, 8)


async def test_a_dead_device_holds_up_nobody_else_and_no_command() -> None:
    budgets = Budgets(Allowance(per_network=2, per_second=1e6), Passports())
    for number in (1, 2):
        assert budgets.of(device(number)).enters(urgent=False)  # they never answer
    waits = asyncio.ensure_future(budgets.of(device(3)).enter(urgent=False))
    await asyncio.sleep(0)
    assert not waits.done()
    async with turn_of(budgets.of(device(3)), urgent=True):  # whose own poll waits for its turn
        assert budgets.ways()[11] == (3, 2)
    budgets.of(device(1)).leave()
    await waits


async def test_a_device_that_falls_silent_under_two_requests_gets_one_from_then_on() -> None:
    passports = Passports()
    budgets = Budgets(Allowance(per_device=2, per_second=1e6), passports)
    budget = budgets.of(device(1))
    budget.answered(device(1), budgets.now())
    async with turn_of(budget), turn_of(budget):
        budget.silent(device(1))
    assert passports.of(device(1)).outstanding == 1
    async with turn_of(budget):
        assert not budget.enters(urgent=False)


async def test_what_the_site_says_of_a_device_wins() -> None:
    budgets = Budgets(Allowance(per_device=1, per_second=1e6), Passports(overrule=lambda _: {"outstanding": 3}))
    budget = budgets.of(device(1))
    assert [budget.enters(urgent=False) for _ in range(4)] == [True, True, True, False]


async def test_who_is_urgent_passes_those_who_wait() -> None:
    budgets, went = Budgets(Allowance(per_network=1, per_second=5.0), Passports()), []

    async def ask(number: int, *, urgent: bool) -> None:
        async with turn_of(budgets.of(device(number)), urgent=urgent):
            went.append(number)

    async with turn_of(budgets.of(device(0))):
        asked = [asyncio.ensure_future(ask(number, urgent=number == 3)) for number in range(1, 4)]
        await asyncio.sleep(0)
    await asked[2]
    assert went == [3]  # the others wait for their second, too
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)


async def test_the_time_an_answer_took_does_not_count_what_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    passports, now = Passports(), 1000.0
    budgets = Budgets(Allowance(), passports)
    monkeypatch.setattr(budgets, "now", lambda: now)
    budget = budgets.of(device(1))
    for took in (0.4, 0.41, 0.39):
        sent, now = now, now + took
        budget.answered(device(1), sent)
    assert budget.took == pytest.approx(0.39)
    assert passports.of(device(1)).latency == 0.4  # small changes are not worth a note


@given(st.floats(1.0, 5000.0), st.lists(st.tuples(st.floats(0.0, 0.5), st.booleans()), min_size=1, max_size=100))
def test_a_turn_is_due_just_when_nothing_would_have_to_be_waited_for(
    per_second: float, turns: list[tuple[float, bool]]
) -> None:
    asked, told, now = Rate(per_second), Rate(per_second), 1000.0
    for pause, patient in turns:
        now += pause
        due = asked.is_due(now)
        if due:
            assert told.wait(now) == 0.0
        elif patient:
            assert asked.wait(now) == told.wait(now) > 0.0
