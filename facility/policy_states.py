"""What every policy demands now, who wins, and why nothing is demanded where nothing is. Changes nothing.

Who wins is told from what is known without asking a device: our claims, and what the sweep has seen of others. Where
the device is silent, it is not known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from facility.claims import Claims
from facility.config.policies import PolicyBase
from facility.explain import Devices, Planning
from facility.guard import Limits
from facility.model import Claim
from facility.overrides import BY_HAND, Found
from facility.port import FacilityError
from facility.profiles.model import CommandRule
from facility.strategy import Strategy
from facility.views import claims_by_point, owner
from facility.wire import PolicyRow, PolicyState
from facility.wire.policies import DemandResult, Standing
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.model import DeviceId, Point, PointId, SpaceId
from points.units import show
from schedules.plan import Conflict, Slot
from schedules.policies.weekly import Weekly
from schedules.policy import Demand, Policy, Remark, earliest
from schedules.precedence import rule

ROWS_OF_ALL = 20  # of each, where all are told
ROWS_OF_ONE = 500
SHOWN_FIRST: Sequence[DemandResult] = (
    "refused", "fails", "unknown", "outranked", "beneath", "waits", "held", "wins", "nothing",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStates:
    """Looks at what the planner decided, and at what stands."""

    clock: Clock
    book: CatalogBook
    strategy: Strategy
    planning: Planning
    claims: Claims
    freshness: Devices
    foreign: Callable[[PointId], Mapping[int, Found]]
    rule: Callable[[Point], CommandRule]
    limits: Callable[[Point], Limits | None]

    def told(self, policy: str = "") -> list[PolicyState]:
        """All of them, in the order of the configuration; or one, with more of its rows."""
        sections = self.strategy.config.policies
        if policy and policy not in {section.name for section in sections}:
            known = ", ".join(section.name for section in sections) or "none"
            raise FacilityError("unknown", f"There is no policy {policy!r}; known: {known}.")
        in_force = {each.name: each for each in self.strategy.policies}
        table = self._table()
        most = ROWS_OF_ONE if policy else ROWS_OF_ALL
        return [
            self._state(in_force[section.name], table, most) if section.name in in_force else _off(section)
            for section in sections
            if not policy or section.name == policy
        ]

    def _table(self) -> _Table:
        decider = self.planning.decider
        offline = {device for device, status in self.freshness.devices().items() if status.status == "offline"}
        return _Table(
            catalog=self.book.current,
            claims=claims_by_point(self.claims.standing()),
            refused={(each.demand.policy, _slot(each.demand)): each.why for each in decider.refusals},
            lost={(each.loser.policy, _slot(each.loser)): each for each in decider.conflicts},
            offline=offline,
        )

    def _state(self, policy: Policy, table: _Table, most: int) -> PolicyState:
        said = self.planning.decider.said(policy.name)
        demands = said.decision.demands if said is not None else ()
        remarks = said.decision.remarks if said is not None else ()
        fault = said.fault if said is not None else None
        rows = [self._demanded(demand, table) for demand in demands]
        results = [row.result for row in rows]
        rows += [_remarked(remark, table.catalog) for remark in remarks if remark.about]
        rows.sort(key=lambda row: (SHOWN_FIRST.index(row.result), row.about, row.point))
        now = self.clock.now()
        change = self.strategy.next_change(policy.name, now)
        until = said.decision.until if said is not None and not isinstance(policy, Weekly) and fault is None else None
        return PolicyState(
            name=policy.name,
            kind=policy.kind,
            state=_standing(fault, demands, remarks),
            priority=int(policy.priority),
            points=len(self.strategy.points_of(policy.name, table.catalog)),
            demands=len(demands),
            winning=results.count("wins"),
            beneath=results.count("beneath") + results.count("outranked"),
            refused=results.count("refused"),
            programme=self.strategy.states_of(policy.name, now),
            why="it has not been asked yet" if said is None else _why(fault, rows, remarks),
            next=earliest([change, until]),
            rows=[self._with_guard(row, table.catalog) for row in rows[:most]],
            more=max(0, len(rows) - most),
        )

    def _demanded(self, demand: Demand, table: _Table) -> PolicyRow:
        point = table.catalog.points.get(demand.point)
        result, why, above = self._result(demand, table)
        return PolicyRow(
            about=_place(point, demand.point, table.catalog),
            point=demand.point,
            name=point.name if point is not None else "",
            value=str(demand.value) if point is None else show(point, demand.value),
            priority=int(demand.priority),
            result=result,
            beneath=above,
            why=why or demand.reason,
        )

    def _result(self, demand: Demand, table: _Table) -> tuple[DemandResult, str, int]:
        """What came of it, why if that is not simply the policy's own reason, and the slot above it."""
        slot, level = _slot(demand), int(demand.priority)
        if why := table.refused.get((demand.policy, slot)):
            return "refused", why, 0
        if conflict := table.lost.get((demand.policy, slot)):
            return "outranked", _lost_to(conflict), 0
        trouble = self.planning.troubles.get(slot)
        if trouble is not None:
            refused = trouble.text.startswith("refused")
            return ("refused" if refused else "fails"), trouble.text, 0
        if (waits := self.planning.postponed.get(slot)) is not None:
            return "waits", waits.text, 0
        point = table.catalog.points.get(demand.point)
        if point is not None and point.device in table.offline:
            return "unknown", f"{point.device} does not answer", 0
        claims = table.claims.get(demand.point, ())
        above = min((int(claim.priority) for claim in claims if claim.priority < demand.priority), default=0)
        others = min((each for each in self.foreign(demand.point) if each < level), default=0)
        if BY_HAND in self.foreign(demand.point):
            return "beneath", "it is overridden by hand at the device", 0
        if others and (not above or others < above):
            return "beneath", f"slot {others} is not ours", others
        if above:
            return "beneath", _held_by(next(claim for claim in claims if claim.priority == above), point), above
        ours = next((claim for claim in claims if int(claim.priority) == level), None)
        if ours is None or owner(ours.by) != demand.policy:
            return "waits", "it is on its way to the device", 0
        if not ours.confirmed:
            return "unknown", "the device has not confirmed it", 0
        return "wins", "", 0

    def _with_guard(self, row: PolicyRow, catalog: Catalog) -> PolicyRow:
        point = catalog.points.get(PointId(row.point))
        return row if point is None else row.model_copy(update={"guard": list(self._binding(point))})

    def _binding(self, point: Point) -> Iterator[str]:
        """The rules that bind there, in words, each with who says so."""
        rules, limits = self.rule(point), self.limits(point)
        if limits is not None:
            low, high = (None if each is None else show(point, each) for each in (limits.low, limits.high))
            between = f"from {low} to {high}" if low and high else f"not below {low}" if low else f"not above {high}"
            yield f"{between} ({limits.source})"
        paces = list(_paces(rules))
        if paces or rules.who != "policy":
            who = "policies may command it" if rules.who == "policy" else f"it is for {rules.who.replace('-', ' ')}"
            yield f"{'; '.join([who, *paces])} ({rules.cited})"
        yield f"its safety class is {point.safety}; it is {point.access}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """What is looked up once for all policies."""

    catalog: Catalog
    claims: Mapping[PointId, list[Claim]]
    refused: Mapping[tuple[str, Slot], str]
    lost: Mapping[tuple[str, Slot], Conflict]
    offline: set[DeviceId]


def _off(section: PolicyBase) -> PolicyState:
    return PolicyState(
        name=section.name,
        kind=getattr(section, "kind", ""),
        state="off",
        priority=0,
        points=0,
        demands=0,
        winning=0,
        beneath=0,
        refused=0,
        programme="",
        why="enabled = false",
        next=None,
        rows=[],
        more=0,
    )


def _standing(fault: Exception | None, demands: Sequence[Demand], remarks: Sequence[Remark]) -> Standing:
    if fault is not None:
        return "failed"
    if any(remark.held and not remark.about for remark in remarks):
        return "held"
    if demands:
        return "on"
    return "held" if any(remark.held for remark in remarks) else "idle"


def _why(fault: Exception | None, rows: Sequence[PolicyRow], remarks: Sequence[Remark]) -> str:
    """The one thing to know, worst first."""
    if fault is not None:
        return f"it failed and has no say ({type(fault).__name__}: {fault})"
    by_result: defaultdict[str, list[PolicyRow]] = defaultdict(list)
    for row in rows:
        by_result[row.result].append(row)
    said = [remark.text for remark in sorted(remarks, key=lambda each: not each.held) if not remark.about]
    for result, words in (
        ("refused", "refused"),
        ("fails", "not done"),
        ("unknown", "not known"),
        ("outranked", "go to another policy"),
        ("beneath", "beneath another slot"),
        ("waits", "wait their turn"),
        ("held", "held back"),
    ):
        found = by_result[result]
        if found:
            said.append(f"{len(found)} {words}: {found[0].about}: {found[0].why}")
    quiet = by_result["nothing"]
    if not said and quiet and not by_result["wins"]:
        said.append(f"{quiet[0].about}: {quiet[0].why}" + (f"; {len(quiet) - 1} more" if quiet[1:] else ""))
    return "; ".join(said)


def _remarked(remark: Remark, catalog: Catalog) -> PolicyRow:
    space = catalog.spaces.get(SpaceId(remark.about))
    point = catalog.points.get(PointId(remark.about))
    about = space.name if space is not None else _place(point, remark.about, catalog)
    return PolicyRow(about=about, result="held" if remark.held else "nothing", why=remark.text)


def _place(point: Point | None, otherwise: str, catalog: Catalog) -> str:
    """Where a person looks for it: the space, else the machine."""
    if point is None:
        return otherwise
    return catalog.place(point.id) or point.equipment or point.device


def _slot(demand: Demand) -> Slot:
    return demand.point, demand.priority


def _lost_to(conflict: Conflict) -> str:
    return f"policy {conflict.winner.policy} goes first in that slot, because {rule(*conflict.kinds)}"


def _held_by(claim: Claim, point: Point | None) -> str:
    value = str(claim.value) if point is None else show(point, claim.value)
    return f"{owner(claim.by)} holds {value} there: {claim.reason}"


def _paces(rules: CommandRule) -> Iterable[str]:
    if rules.ramp_per_minute is not None:
        yield f"at most {rules.ramp_per_minute:g} % a minute"
    if rules.spacing_s:
        yield f"{rules.spacing_s:g} s between two writes"
    if rules.per_hour is not None:
        yield f"{rules.per_hour} writes an hour"
    if rules.minimum_on_s or rules.minimum_off_s:
        yield f"on for {rules.minimum_on_s:g} s and off for {rules.minimum_off_s:g} s at least"
