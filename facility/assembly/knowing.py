"""The parts that know the building: what is there, what it reads, which rules hold for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from facility.assembly.ground import Ground
from facility.consents import Consents
from facility.consents import load as load_consents
from facility.demand import DemandWatch
from facility.recognition import Recognition
from facility.rulebook import Rulebook
from facility.serving import serving_of
from facility.settings import consenting, discovery_plan
from facility.shape import shape_of
from facility.strategy import rules_of
from facility.survey import Survey
from points.catalog import CatalogBook
from points.freshness import Freshness
from points.model import DeviceId
from points.store import PointStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowing:
    """The catalog, the readings, the rules, and who keeps them up to date."""

    book: CatalogBook
    store: PointStore
    consents: Consents
    rules: Rulebook
    freshness: Freshness
    survey: Survey
    recognition: Recognition
    demand: DemandWatch


async def knowing(ground: Ground, *, changed: Callable[[], None]) -> Knowing:
    """With what was known when the agent last ran. `changed` is told of every new catalog."""
    book, store = CatalogBook(), PointStore()
    consents = Consents(ground.config.profiles, await load_consents(ground.db), consenting(ground.config))
    rules = Rulebook(consents.profiles, book)

    def lost() -> Iterable[DeviceId]:
        # the one circle: the survey asks freshness who is silent, freshness tells the survey who has changed.
        # Nobody asks before the services run, and by then what is made below is there.
        return freshness.lost()

    survey = surveyor(ground, book, consents, changed=changed, lost=lost)
    recognition = Recognition(ground.bacnet, book, survey, ground.passports)
    freshness = Freshness(
        ground.bacnet,
        book,
        store,
        clock=ground.clock,
        deadline=rules.deadline,
        events=ground.events,
        passports=ground.passports,
        revised=survey.revised,
        told=recognition.heard,
    )
    await survey.restore()
    consents.tell()
    return Knowing(
        book=book,
        store=store,
        consents=consents,
        rules=rules,
        freshness=freshness,
        survey=survey,
        recognition=recognition,
        demand=_demand(ground, rules),
    )


def surveyor(
    ground: Ground,
    book: CatalogBook,
    consents: Consents,
    *,
    changed: Callable[[], None],
    lost: Callable[[], Iterable[DeviceId]] = tuple,
) -> Survey:
    """Who looks through the building; for a site without an agent, too. `lost`: the devices that do not answer now."""
    config, hours = ground.config, ground.config.bacnet.rediscover_hours
    return Survey(
        bacnet=ground.bacnet,
        plan=discovery_plan(config),
        book=book,
        db=ground.db,
        shape=shape_of(*rules_of(config), consents.gate, serving_of(config)),
        events=ground.events,
        clock=ground.clock,
        every=timedelta(hours=hours) if hours else None,
        changed=changed,
        passports=ground.passports,
        lost=lost,
    )


def _demand(ground: Ground, rules: Rulebook) -> DemandWatch:
    bacnet = ground.config.bacnet
    return DemandWatch(
        rules.book,
        deadline=rules.deadline,
        passports=ground.passports,
        remote=bacnet.requests_per_second,
        local=bacnet.local_requests_per_second,
        events=ground.events,
        clock=ground.clock,
    )
