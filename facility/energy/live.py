"""The demand as it is now: the window that is under way, what it comes to, and who is being shed for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from facility.config.energy import EnergySection
from facility.energy.gathering import Sources, ms
from facility.energy.intervals import QUARTER_MS, excess, window
from facility.energy.meters import Meter, Meters, meters_of
from facility.wire import DemandInfo, MeterNow
from points.catalog import Catalog
from points.errors import PointsError
from points.history import Stretch
from points.history.rows import from_ms
from points.model import PointId, Reading
from points.store import PointStore
from schedules.limiting import Limiting
from schedules.policies.demand_limit import DemandLimit
from schedules.policy import Memory, Policy, View

SHOWN = 5
"""Who would be shed next: so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shedding:
    """What the policy that limits demand is doing."""

    policy: str
    limit_kw: float
    level: int  # 0: nothing is shed
    next_in_line: tuple[str, ...] = ()


def shedding(policies: Iterable[Policy], memories: Mapping[str, Memory], view: View) -> Shedding | None:
    """Of the first policy that limits demand; None if there is none."""
    for found in policies:
        if isinstance(found, DemandLimit):
            memory = memories.get(found.name)
            began = isinstance(memory, Limiting) and memory.began is not None and bool(memory.shed)
            level = memory.level if began and isinstance(memory, Limiting) else 0
            line = tuple(
                f"{view.catalog.spaces[space].name if space in view.catalog.spaces else space}, about {kw:g} kW"
                for space, kw in found.next_in_line(view, memory, SHOWN)
            )
            return Shedding(policy=found.name, limit_kw=found.limit_kilowatts, level=level, next_in_line=line)
    return None


async def demand_now(sources: Sources, store: PointStore, catalog: Catalog, shed: Shedding | None) -> DemandInfo:
    """Nothing in it is taken for known that is not: without a good reading there is no projection."""
    energy, now = sources.config.energy, sources.clock.now()
    meters = meters_of(catalog, main=energy.main, chosen=energy.meters)
    start = from_ms(ms(now) - ms(now) % QUARTER_MS)
    info = DemandInfo(
        at=now,
        window_start=start,
        level=None if shed is None else shed.level,
        policy="" if shed is None else shed.policy,
        next_in_line=[] if shed is None else list(shed.next_in_line),
        meters=[_meter_now(meter, store) for meter in meters.all],
        note=_note(meters),
    )
    limit, said = _limit(energy, shed)
    info = info.model_copy(update={"limit_kw": limit, "limit_from": said})
    main = meters.main
    if main is None or main.power is None:
        return info
    kw, _ = _power(main, store)
    known = window(await _known(sources, main.power, start, now), main.kw, kw, ms(start), ms(now))
    room = None
    if limit is not None and known.projected is not None:
        room = -excess(known.projected, limit, (now - start).total_seconds())
    return info.model_copy(
        update={
            "meter": main.name,
            "point": main.power,
            "kw": kw,
            "mean_kw": known.mean,
            "projected_kw": known.projected,
            "unknown_s": known.unknown_s,
            "room_kw": room,
        }
    )


def _note(meters: Meters) -> str:
    if meters.main is not None and meters.main.power is None:
        return f"{meters.main.name} has a counter and no power: its demand is known only when a quarter hour has ended."
    return meters.note


def _limit(energy: EnergySection, shed: Shedding | None) -> tuple[float | None, str]:
    if energy.limit_kw is not None:
        return energy.limit_kw, "energy.limit_kw"
    return (None, "") if shed is None else (shed.limit_kw, f"policy {shed.policy}")


async def _known(sources: Sources, power: PointId, start: datetime, now: datetime) -> Sequence[Stretch]:
    if sources.history is None:
        return ()
    try:
        return (await sources.history.known([power], [(start, now)]))[power]
    except PointsError:
        return ()  # the window is then unknown, and says so


def _meter_now(meter: Meter, store: PointStore) -> MeterNow:
    kw, note = _power(meter, store)
    return MeterNow(id=meter.id, name=meter.name, carrier=meter.carrier, kw=kw, point=meter.power or "", note=note)


def _power(meter: Meter, store: PointStore) -> tuple[float | None, str]:
    if meter.power is None:
        return None, "a counter only"
    reading: Reading | None = store.get(meter.power)
    if reading is None:
        return None, "never read"
    if not reading.is_good or reading.value is None or isinstance(reading.value, str):
        return None, reading.reason or reading.quality.value
    return float(reading.value) * meter.kw, ""
