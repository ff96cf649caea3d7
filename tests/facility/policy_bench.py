"""Policies that say what a test wants them to say, decided by the real decider."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

from facility.guard import Limits
from facility.model import Claim
from facility.policy_states import PolicyStates
from facility.profiles.model import CommandRule
from points.catalog import Catalog
from points.model import DeviceId, DeviceRef, Kind, Point, PointId, Priority, Ref, Safety, Space, SpaceId
from schedules.decider import Decider
from schedules.policy import Decision, Demand, Remark, View
from tests.manual_clock import ManualClock

OFFICE = Space(id=SpaceId("office-1"), name="Office 1", type="admin_office")


def _point(key, instance, *, commandable):
    ref = Ref(
        device=DeviceRef(network=0, address="10.0.0.1", instance=1), object_type="analog-value", instance=instance
    )
    return Point(
        id=PointId(key), device=DeviceId("vav-1"), ref=ref, name=key, kind=Kind.ANALOG, unit="degrees-celsius",
        commandable=commandable, safety=Safety.COMFORT, space=OFFICE.id,
    )  # fmt: skip


HEAT = _point("vav-1/heat-sp", 1, commandable=True)
BLIND = _point("vav-1/zone-temp", 2, commandable=False)
CATALOG = Catalog.of([], [HEAT, BLIND], [OFFICE])


def demand(value, point=HEAT, policy="office"):
    return Demand(
        point=point.id, value=value, priority=Priority.SCHEDULE, policy=policy, reason=f"{policy} is occupied"
    )


def remark(text, *, held=False, about=OFFICE.id):
    return Remark(about=about, text=text, held=held)


@dataclass(frozen=True, kw_only=True)
class Wants:
    """A policy, and its section."""

    name: str = "office"
    kind: str = "setback"
    enabled: bool = True
    demands: Sequence[Demand] = ()
    remarks: Sequence[Remark] = ()
    fault: Exception | None = None
    remembers = None
    priority = Priority.SCHEDULE

    def bind(self, _catalog):
        def decide(view, _memory):
            if self.fault is not None:
                raise self.fault
            return Decision(
                demands=tuple(self.demands), remarks=tuple(self.remarks), until=view.now + timedelta(hours=1)
            )

        return decide


@dataclass
class Standing:
    """Claims, as they stand."""

    claims: list = field(default_factory=list)

    def standing(self):
        return self.claims


def states_of(*wants, holds=(), decided=True):
    clock = ManualClock()
    now = clock.now()
    decider = Decider(now)
    policies = [want for want in wants if want.enabled]
    if decided:
        decider.adopt(policies)
        decider.decide(View(now=now, zone=None, catalog=CATALOG, readings={}))
    claims = [
        Claim(point=HEAT.id, priority=Priority(level), value=value, by=by, reason="because", since=now,
              until=now + timedelta(hours=1), command=uuid4(), confirmed=confirmed)
        for level, value, by, confirmed in holds
    ]  # fmt: skip
    strategy = SimpleNamespace(
        config=SimpleNamespace(policies=wants),
        policies=policies,
        next_change=lambda _name, _now: None,
        states_of=lambda _name, _now: "occupied",
        points_of=lambda _name, _catalog: [HEAT],
    )
    return PolicyStates(
        clock=clock,
        book=SimpleNamespace(current=CATALOG),
        strategy=strategy,
        planning=SimpleNamespace(decider=decider, troubles={}, postponed={}),
        claims=Standing(claims),
        freshness=SimpleNamespace(devices=dict),
        foreign=lambda _point: {},
        rule=lambda _point: CommandRule(),
        limits=lambda _point: Limits(low=12.0, high=None, source="the profile"),
    )
