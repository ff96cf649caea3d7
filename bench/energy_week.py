"""A week of the simulated hospital with the policies and without them: what it uses, and how its rooms are meanwhile.

Both weeks have the same weather, the same people, the same seed, and an agent; in one of them it has no policies. Runs
in virtual time (`facility.accelerated`), a process for each week. `python -m bench.energy_week`, or `make energy-week`.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import structlog

from facility.accelerated.agent import COMMISSIONING, VirtualAgent
from facility.accelerated.hospital import VirtualHospital
from facility.compliance import Compliance
from facility.config.model import Config
from facility.feeds.book import BedReport, FeedBook
from facility.profiles import Profiles
from facility.simulation.rooms import PATIENT_ROOMS
from facility.standing import SpaceStanding, Standing
from points.model import SpaceId
from schedules.feeds import BedState

DEMO = Path(__file__).parents[1] / "facility" / "demo" / "demo.toml"
ADDED = Path(__file__).with_suffix(".toml")
SEASONS = {"winter": date(2027, 1, 11), "summer": date(2027, 7, 12)}  # Mondays
WARM_UP = timedelta(hours=24)  # of the hospital alone, without policies: walls remember
MINUTE = timedelta(minutes=1)
MEMORY = Path("/dev/shm")  # where the state costs no disk, if there is such a place
PATIENTS = "patient_room"
PROCESS = ("other", "imaging")  # the uses of electricity that no building service has: equipment, kitchens, imaging
THEATRES = tuple(f"OR-{number} Room Controller" for number in range(1, 5))
LISTS = (time(7, 15), time(16, 45))  # all four theatres, on weekdays
BEDS_REPORTED_EVERY = timedelta(minutes=10)
EMERGENCIES = (time(20, 30), time(22, 30))  # the first one, every evening


def _seconds() -> dict[str, float]:
    return defaultdict(float)


@dataclass(slots=True)
class Week:
    """What one week has come to."""

    energy: dict[str, float] = field(default_factory=dict)  # kWh of electricity by use
    heat: float = 0.0  # kWh
    out: dict[str, float] = field(default_factory=_seconds)
    """Seconds of each space out of its limits, of all times that it was so for a minute or more."""
    passing: dict[str, float] = field(default_factory=_seconds)  # and of less: a door, mostly
    unknown: dict[str, float] = field(default_factory=_seconds)
    whys: Counter[str] = field(default_factory=Counter)
    critical: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)  # rooms with a patient
    empty: list[str] = field(default_factory=list)
    writes: int = 0
    troubles: list[str] = field(default_factory=list)

    @property
    def services(self) -> float:
        """Electricity of the building's services."""
        return sum(kwh for use, kwh in self.energy.items() if use not in PROCESS)

    @property
    def process(self) -> float:
        return sum(kwh for use, kwh in self.energy.items() if use in PROCESS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.energy_week", description=__doc__)
    parser.add_argument("--season", choices=SEASONS, action="append", help="default: all of them")
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument(
        "--step", type=float, default=10.0, help="seconds of physics at a stretch (default: %(default)s)"
    )
    parser.add_argument(
        "--theatres", choices=("lists", "busy"), default="lists", help="busy: in use from 6 to 22, daily"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="the figures, for other programs")
    wanted = parser.parse_args()
    seasons = wanted.season or list(SEASONS)
    with ProcessPoolExecutor(wanted.processes) as pool:
        runs = {
            (season, on): pool.submit(one_week, SEASONS[season], wanted.days, wanted.step, wanted.theatres, policies=on)
            for season in seasons
            for on in (True, False)
        }
        weeks = {key: run.result() for key, run in runs.items()}
    for season in seasons:
        print("\n".join(table(season, weeks[season, False], weeks[season, True])), flush=True)
    if wanted.json:
        wanted.json.write_text(json.dumps({f"{s}/{'on' if on else 'off'}": _plain(w) for (s, on), w in weeks.items()}))


def one_week(first: date, days: float, step: float, theatres: str, *, policies: bool) -> Week:
    """With the policies, or without any."""
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        config = configuration(Path(folder), policies=policies)
        start = datetime.combine(first, time(), tzinfo=config.site.tz)
        hospital = VirtualHospital(start - WARM_UP, config.site.tz)
        people = People(hospital, lists=theatres == "lists")
        while hospital.instant < start - COMMISSIONING:
            people.come_and_go()
            hospital.until(min(hospital.instant + MINUTE, start - COMMISSIONING), step)
        agent = VirtualAgent(config, hospital, Path(folder), start=start, step=step)
        agent.run_until(start)
        hospital.energy.clear()
        hospital.heat = 0.0
        return _lived(agent, people, start + timedelta(days=days), step)


def _lived(agent: VirtualAgent, people: People, end: datetime, step: float) -> Week:
    """Looks at every space after each step, as the live picture does."""
    week, compliance = Week(), Compliance(Profiles.load(agent.config.profiles), agent.acts.vacated)
    store, catalog = agent.known.store, agent.known.book.current
    reported: datetime | None = None
    with store.watch(lambda point: point in compliance.watched) as readings:
        while agent.now < end:
            people.come_and_go()
            if reported is None or agent.now - reported >= BEDS_REPORTED_EVERY:
                reported = agent.now
                people.report_beds(agent.told)
            agent.run_until(min(agent.now + timedelta(seconds=step), end))
            news = [reading.point for reading in readings.take()]
            compliance.update(agent.now, catalog, store.get, news if compliance.spaces else None)
            for space in compliance.spaces:
                if space.standing is not Standing.IN:
                    _count(week, space, agent.now, step)
    week.critical = [space.space.name for space in compliance.spaces if space.critical]
    rooms = [space.space for space in compliance.spaces if space.space.type == PATIENTS]
    week.patients = [room.name for room in rooms if room.id in people.patients]
    week.empty = [room.name for room in rooms if room.id not in people.patients]
    week.energy, week.heat = dict(agent.hospital.energy), agent.hospital.heat
    week.writes = len(agent.hospital.writes)
    week.troubles = [f"{slot[0]}: {trouble.text}" for slot, trouble in agent.acts.planner.troubles.items()]
    agent.stop()
    return week


def _count(week: Week, space: SpaceStanding, now: datetime, step: float) -> None:
    """Who has been out for a minute, was so from the first second on."""
    name = space.space.name
    if space.standing is Standing.UNKNOWN:
        week.unknown[name] += step
        week.whys[f"{name}: {space.why}"] += 1
        return
    lasted = timedelta(0) if space.since is None else now - space.since
    if lasted < MINUTE:
        week.passing[name] += step
        return
    if lasted - timedelta(seconds=step) < MINUTE:
        before = MINUTE.total_seconds()
        week.passing[name] -= before
        week.out[name] += before
        week.whys[f"{name}: {space.why}"] += 1
    week.out[name] += step


class People:
    """Who is in the theatres; in all other rooms the hospital knows by itself."""

    def __init__(self, hospital: VirtualHospital, *, lists: bool) -> None:
        self._hospital = hospital
        self._lists = lists
        self.patients = {_patient_room(number) for number in range(1, PATIENT_ROOMS + 1) if number % 4}

    def come_and_go(self) -> None:
        if not self._lists:
            return
        now = self._hospital.instant.astimezone(self._hospital.zone)
        listed = now.weekday() < 5 and LISTS[0] <= now.time() < LISTS[1]
        emergency = EMERGENCIES[0] <= now.time() < EMERGENCIES[1]
        self._hospital.site.people.update(dict.fromkeys(THEATRES, listed))
        self._hospital.site.people[THEATRES[0]] = listed or emergency

    def report_beds(self, told: FeedBook) -> None:
        """As the hospital's bed management does: a patient who is out of the room for an hour still has the bed."""
        for room in map(_patient_room, range(1, PATIENT_ROOMS + 1)):
            state = BedState.OCCUPIED if room in self.patients else BedState.UNOCCUPIED
            told.take_bed(BedReport(space=room, bed="", state=state, time=self._hospital.instant), "adt")


def _patient_room(number: int) -> SpaceId:
    """Three in four of them are taken: `facility.simulation.zones.in_bed`."""
    return SpaceId(f"patient-room-{300 + number}")


def configuration(folder: Path, *, policies: bool) -> Config:
    """The demo's, with what is added to it."""
    demo, added = (tomllib.loads(path.read_text()) for path in (DEMO, ADDED))
    content: dict[str, Any] = {key: value for key, value in demo.items() if key not in ("feeds", "mqtt")}
    content["programmes"] = [*demo["programmes"], *added["programmes"]]
    content["policies"] = [*demo["policies"], *added["policies"]] if policies else []
    content["agent"] = {**demo["agent"], "state_dir": folder}
    content["bacnet"] = {**demo["bacnet"], "address": "127.0.0.1:47808", "foreign": "127.0.0.1:47809"}  # never opened
    return Config(**content)


def table(season: str, off: Week, on: Week) -> Iterator[str]:
    """As it is printed, and as it stands in the documentation."""
    yield f"\n{season}: a week from {SEASONS[season]}\n"
    yield "| kWh | policies off | policies on | saved |"
    yield "|---|---:|---:|---:|"
    for use in sorted(off.energy, key=lambda use: (use in PROCESS, use)):
        if use not in PROCESS:
            yield _row(f"electricity, {use}", off.energy[use], on.energy.get(use, 0.0))
    yield _row("heat of the boilers", off.heat, on.heat)
    yield _row("**building services**, electricity and heat", off.services + off.heat, on.services + on.heat)
    yield _row("of that, electricity", off.services, on.services)
    yield _row("process electricity (equipment, imaging)", off.process, on.process)
    yield _row("**whole site**", off.services + off.process + off.heat, on.services + on.process + on.heat)
    yield ""
    yield "| minutes | policies off | policies on |"
    yield "|---|---:|---:|"
    for what, spaces in (
        ("critical spaces", on.critical),
        ("rooms with a patient", on.patients),
        ("patient rooms that stand empty", on.empty),
    ):
        for word, counted in (
            ("out of their limits for a minute or more", "out"),
            ("out for less, as a door is passed", "passing"),
            ("not known", "unknown"),
        ):
            numbers = [sum(getattr(week, counted)[space] for space in spaces) / 60 for week in (off, on)]
            yield f"| {len(spaces)} {what}, {word} | {numbers[0]:,.0f} | {numbers[1]:,.0f} |"
    yield ""
    yield f"{on.writes} writes reached devices; not done at the end: {'; '.join(on.troubles) or 'nothing'}"
    for words, week in (("without", off), ("with", on)):
        yield from (f"out {words} policies, {times} times: {why}" for why, times in week.whys.most_common(5))


def _row(what: str, off: float, on: float) -> str:
    saved = f"{(off - on) / off:z.1%}" if off else ""
    return f"| {what} | {off:,.0f} | {on:,.0f} | {saved} |"


def _plain(week: Week) -> dict[str, object]:
    return {
        "electricity_kwh": week.energy,
        "heat_kwh": week.heat,
        "seconds_out": week.out,
        "seconds_passing": week.passing,
        "seconds_unknown": week.unknown,
        "writes": week.writes,
    }


if __name__ == "__main__":
    main()
