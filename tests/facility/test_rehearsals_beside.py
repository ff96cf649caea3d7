"""Rehearsals beside an agent that goes on: its building may change, others want their turn, memory is not endless."""

import asyncio

from test_rehearsals import ENGINEER, HEAT, LATER, OFFICES, SITE, ZONE, bench_at

from facility.config.loading import load_text
from facility.port import FacilityError
from facility.rehearsal.course import Rehearsal
from facility.rehearsal.forecast import AsNow
from facility.strategy import Strategy
from points.catalog import Catalog


async def test_a_building_that_becomes_another_meanwhile_ends_the_rehearsal(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        begun = await bench.rehearsals.begin(ENGINEER, 7, "", edited=False, thermal=True)
        await asyncio.sleep(0)
        bench.book.replace(Catalog.of([], [HEAT, ZONE], OFFICES))
        await bench.rehearsals.of(begun.id).task
        told = bench.rehearsals.look(ENGINEER, begun.id)
        assert (told.state, told.why) == ("failed", "the building's catalog has changed meanwhile; rehearse it again")


async def test_only_what_is_told_of_a_rehearsal_is_kept(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        told = await bench.rehearse(changes=LATER)
        made = bench.rehearsals.of(told.id)
        assert made.runs == []
        assert bench.rehearsals.look(ENGINEER, told.id) == told


async def test_two_who_begin_at_once_do_not_both_have_one(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        bench.weather_known.clear()  # the one that is first cannot have ended when the other one comes
        begun = await asyncio.gather(
            *(bench.rehearsals.begin(ENGINEER, 1, LATER, edited=False, thermal=True) for _ in range(2)),
            return_exceptions=True,
        )
        (refused,) = (each for each in begun if isinstance(each, FacilityError))
        (running,) = (each for each in begun if each is not refused)
        assert "is running" in str(refused)
        bench.weather_known.set()
        await bench.rehearsals.of(running.id).task


async def test_others_have_their_turn_while_hundreds_of_policies_are_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("facility.rehearsal.shadow.STRETCH_S", 0.0)  # after every one of them
    turns = 0

    async def others():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    many = "".join(f"\n[[policies]]{SITE.split('[[policies]]')[1].replace('heating', f'h-{n}', 1)}" for n in range(200))
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        present = bench.present()
        config = load_text(SITE.replace("\n[[policies]]", f"{many}\n[[policies]]", 1), "x")
        policies = Strategy(config, present.now.date())
        run = Rehearsal(present, policies.policies, lambda _store: AsNow())
        task = asyncio.create_task(others())
        async for _ in run.run(present.now):
            pass
        task.cancel()
        assert turns > 200
