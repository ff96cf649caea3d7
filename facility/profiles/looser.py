"""What a site's profile file makes looser than what is shipped, and the tables without it. Pure.

Each step towards looser is found by itself, from the shipped value to the site's, whatever else the file says. Left
out, the shipped value stands in its place. So of any set of steps that is left out, what remains is nowhere looser
than the shipped tables but in the steps that were not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from math import isclose
from typing import Any

from pydantic import BaseModel, ValidationError

from facility.model import Severity
from facility.profiles.conversion import convert
from facility.profiles.files import ACTUATORS, NO_PROFILES, PLANT, merged
from facility.profiles.looser_commands import looser_actuators, looser_commands, looser_plant
from facility.profiles.model import ORDER, LimitTable, Profile, StateTable, TurndownTable, VacatedTable
from facility.profiles.provenance import PROVENANCE, cited
from facility.profiles.steps import NONE, Path, Step, listed, scalar, shown
from points.classify.equipment import TYPES

Tables = Mapping[str, Any]
Measure = TurndownTable | VacatedTable

ENERGY = ("never", "conditional", "allowed")

_HIGHER_IS_LOOSER = {"door_open_s", "full_air_changes", "high", "high_c", "humidity_percent"}
_LOWER_IS_LOOSER = {
    "vacant_minutes",
    "enter_margin",
    "hold_margin",
    "air_changes",
    "deadband",
    "low",
    "free_minutes",
    "low_c",
}
_MACHINES = frozenset(kind.replace("-", "_") for kind in TYPES)
_IN_UNIT = {"low": False, "high": False, "sane": True, "deadband": True}  # True: a difference


def steps(shipped: Tables, site: Tables) -> list[Step]:
    """Every step towards looser, in the order of the site's file."""
    both = merged(shipped, site)
    found: list[Step] = []
    for key in site:
        if key == ACTUATORS:
            found += looser_actuators(shipped, site[ACTUATORS])
        elif key == PLANT:
            found += looser_plant(shipped, site[PLANT])
        elif key in shipped:
            before, after = Profile.model_validate(shipped[key]), Profile.model_validate(both[key])
            found += _of_profile(key, shipped[key], before, after)
            found += looser_commands(key, shipped, site[key].get("commands", {}))
        else:
            found += _of_new(key, both[key])
    return found


def without(shipped: Tables, site: Tables, left_out: Iterable[Step]) -> dict[str, Any]:
    """The shipped tables with the site's laid over them, but for the steps that are left out. They are valid."""
    both = merged(shipped, site)
    both |= {key: deepcopy(both[key]) for key in site}  # all that is changed below
    touched = set()
    for step in left_out:
        _put(both, step.path, step.instead)
        touched.add(step.path[0])
        for name in PROVENANCE:  # whoever verified the site's value did not verify this one
            for table in (step.path[:1], step.path[:-1]):
                if table not in ((ACTUATORS,), (PLANT,)) and _at(both, table) is not None:
                    _put(both, (*table, name), _at(shipped, (*table, name)))
    for key in (touched - NO_PROFILES) & both.keys():
        _mend(key, both, shipped)
    return cited(both, shipped, site)


def holds(step: Step, in_force: Tables, wanted: Tables) -> bool:
    """Whether what is in force has what the step leads to."""
    return bool(_at(in_force, step.path) == _at(wanted, step.path))


def _mend(key: str, both: dict[str, Any], shipped: Tables) -> None:
    """Values of both files can contradict each other; then the shipped table stands, or the whole shipped profile."""
    for _ in range(len(both.get(key, {}))):
        try:
            Profile.model_validate(both[key])
        except ValidationError as error:
            place = error.errors()[0]["loc"]
            parent = str(place[0]) if place else "turndown"
            deep = len(place) > 1 and isinstance(both[key].get(parent), dict) and place[1] in both[key][parent]
            path = (key, parent, str(place[1])) if deep and parent != "turndown" else (key, parent)
            _put(both, path, _at(shipped, path))
        else:
            return
    both[key] = deepcopy(shipped[key])


def _of_profile(key: str, raw: Tables, before: Profile, after: Profile) -> Iterator[Step]:
    if before.critical and not after.critical:
        yield Step(path=(key, "critical"), before="true", after="false", instead=True)
    if ENERGY.index(after.energy_measures) > ENERGY.index(before.energy_measures):
        yield scalar((key, "energy_measures"), before.energy_measures, after.energy_measures)
    if after.deadline_s > before.deadline_s:
        yield scalar((key, "deadline_s"), raw["deadline_s"], after.deadline_s)
    if ORDER.index(after.alarm_severity) > ORDER.index(before.alarm_severity):
        yield scalar((key, "alarm_severity"), before.alarm_severity.value, after.alarm_severity.value)
    if before.pressure not in ("none", after.pressure):
        yield scalar((key, "pressure"), before.pressure, after.pressure)
    for name, limit in after.limits.items():
        if old := before.limits.get(name):
            yield from _of_limit((key, "limits", name), old, limit)
    for name, state in after.states.items():
        yield from _of_states((key, "states", name), before, before.states.get(name), state)
    if after.turndown is not None:
        yield from _of_measure((key, "turndown"), before.turndown, after.turndown)
    if after.vacated is not None:
        yield from _of_measure((key, "vacated"), before.vacated, after.vacated)
    if after.protect != before.protect:
        path, instead = (key, "protect"), raw.get("protect")
        yield Step(path=path, before=_protections(before), after=_protections(after), instead=instead)


def _of_new(key: str, table: Tables) -> Iterator[Step]:
    """A type of the site's own: to call it what it likes is no step, to let policies or the guard move its air is."""
    new = Profile.model_validate(table)
    if key in _MACHINES:  # it would speak for points that their room, or `[plant]`, speaks for
        yield Step(path=(key,), before=NONE, after=new.model_dump_json(exclude_unset=True), instead=None)
        return
    if new.turndown is not None:
        yield Step(path=(key, "turndown"), before=NONE, after=_table(new.turndown), instead=None)
    if new.protect:
        yield Step(path=(key, "protect"), before=listed([]), after=_protections(new), instead=None)


def _protections(profile: Profile) -> str:
    return listed(table.model_dump_json() for table in profile.protect)


def _of_limit(path: Path, old: LimitTable, new: LimitTable) -> Iterator[Step]:
    if (old.sane is None) != (
        new.sane is None
    ):  # it decides which readings are believed: any change may hide something
        yield scalar((*path, "sane"), old.sane, new.sane)
    for name, difference in _IN_UNIT.items():
        was, now = getattr(old, name), getattr(new, name)
        if name == "deadband" and now is not None:
            was = old.back
        if was is None or now is None:
            continue
        there = convert(now, new.unit, old.unit, difference=difference)
        back = convert(was, old.unit, new.unit, difference=difference)
        if there is None or back is None:  # it measures something else
            yield Step(path=path, before=_table(old), after=_table(new), instead=_plain(old))
            return
        if _looser(name, was, there):
            units = ("", "") if old.unit == new.unit else (f" {old.unit}", f" {new.unit}")
            before, after = (f"{shown(value)}{unit}" for value, unit in zip((was, now), units, strict=True))
            yield Step(path=(*path, name), before=before, after=after, instead=back)
    yield from _of_delay_and_severity(path, old, new)
    if old.needed and not new.needed:
        yield scalar((*path, "needed"), old.needed, new.needed)
    if old.magnitude != new.magnitude:
        yield scalar((*path, "magnitude"), old.magnitude, new.magnitude)
    if set(new.not_named) - set(old.not_named):
        yield Step(
            path=(*path, "not_named"),
            before=listed(old.not_named),
            after=listed(new.not_named),
            instead=[word for word in new.not_named if word in old.not_named],
        )


def _of_states(path: Path, profile: Profile, old: StateTable | None, new: StateTable) -> Iterator[Step]:
    less = ORDER.index(new.severity) > ORDER.index(profile.alarm_severity) or new.delay_s > 0
    hides = less and (profile.alarm_severity is not Severity.LOW or path[-1] == "alarm")
    if old is None:
        if hides:  # what was an alarm of its own right would be judged by this table
            yield Step(path=path, before=NONE, after=_table(new), instead=None)
        return
    yield from _of_delay_and_severity(path, old, new)
    for name in ("state_words", "name_words"):
        was, now = getattr(old, name), getattr(new, name)
        if set(was) - set(now) or (hides and set(now) - set(was)):
            yield Step(path=(*path, name), before=listed(was), after=listed(now), instead=was)


def _of_delay_and_severity(path: Path, old: LimitTable | StateTable, new: LimitTable | StateTable) -> Iterator[Step]:
    if new.delay_s > old.delay_s:
        yield scalar((*path, "delay_s"), old.delay_s, new.delay_s)
    if ORDER.index(new.severity) > ORDER.index(old.severity):
        yield scalar((*path, "severity"), old.severity.value, new.severity.value)


def _of_measure(path: Path, old: Measure | None, new: Measure) -> Iterator[Step]:
    if old is None:
        yield Step(path=path, before=NONE, after=_table(new), instead=None)
        return
    for name in type(new).model_fields:
        was, now = getattr(old, name), getattr(new, name)
        if isinstance(was, float) and _looser(name, was, now):
            yield scalar((*path, name), was, now)


def _looser(name: str, was: float, now: float) -> bool:
    if isclose(now, was, rel_tol=1e-6):  # 69.8 °F are 21 °C
        return False
    if name == "sane":
        return True
    return now > was if name in _HIGHER_IS_LOOSER else name in _LOWER_IS_LOOSER and now < was


def _plain(table: BaseModel) -> dict[str, Any]:
    return table.model_dump(mode="json", exclude_unset=True)


def _table(table: BaseModel) -> str:
    values = {name: value for name, value in _plain(table).items() if name not in ("text", *PROVENANCE)}
    return f"{{{', '.join(f'{name} {shown(value)}' for name, value in values.items())}}}"


def _at(tables: Tables, path: Path) -> Any:
    here: Any = tables
    for part in path:
        here = here.get(part) if isinstance(here, Mapping) else None
    return deepcopy(here)


def _put(tables: dict[str, Any], path: Path, value: Any) -> None:
    here = tables
    for part in path[:-1]:
        here = here.setdefault(part, {})
    if value is None:
        here.pop(path[-1], None)
    else:
        here[path[-1]] = deepcopy(value)
