"""Which of a site's rules for commands let somebody do more, or faster, than the shipped ones. Pure.

A rule of one class stands before the one for all classes of a room, and both before that for such an actuator
anywhere. So a value is looser if it is for one of the classes for which it would count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from facility.profiles.airways import AIR_VALVE
from facility.profiles.commanding import DEFAULT, FIELDS
from facility.profiles.files import ACTUATORS, PLANT
from facility.profiles.model import Who
from facility.profiles.steps import Step, shown
from points.classify.classes import CLASSES

Tables = Mapping[str, Any]

WHO: tuple[str, ...] = get_args(Who)
EVERY_CLASS = sorted(CLASSES | {AIR_VALVE})

_FREEDOM: Mapping[str, Callable[[Any], float]] = {  # more is looser; None: nothing is said
    "who": WHO.index,
    "ramp_percent_per_minute": lambda ramp: float("inf") if ramp is None else ramp,
    "per_hour": lambda count: float("inf") if count is None else count,
    "spacing_s": lambda seconds: -(seconds or 0.0),
    "minimum_on_s": lambda seconds: -(seconds or 0.0),
    "minimum_off_s": lambda seconds: -(seconds or 0.0),
}


def looser_commands(profile: str, shipped: Tables, site: Tables) -> Iterator[Step]:
    """Of the site's `[<profile>.commands]`."""
    own: Tables = shipped[profile].get("commands", {})
    who = "operator" if shipped[profile]["critical"] else "policy"
    yield from _looser((profile, "commands"), own, shipped[ACTUATORS], who, site)


def looser_plant(shipped: Tables, site: Tables) -> Iterator[Step]:
    """Of the site's `[plant]`: what holds where no profile speaks."""
    yield from _looser((PLANT,), shipped[PLANT], shipped[ACTUATORS], "operator", site)


def _looser(path: tuple[str, ...], own: Tables, actuators: Tables, who: str, site: Tables) -> Iterator[Step]:
    for name, table in site.items():
        for field in filter(table.__contains__, FIELDS):
            layers = [_layers(key, own, actuators) for key in _keys(name)]
            known = [_value(field, layer, who) for layer in layers if not _hidden(name, field, layer)]
            if step := _step((*path, name, field), known, own.get(name, {}).get(field), table[field]):
                yield step


def looser_actuators(shipped: Tables, site: Tables) -> Iterator[Step]:
    """Of the site's `[actuators]`. Who may is judged as in a critical place, where it is stricter."""
    for name, table in site.items():
        own = shipped[ACTUATORS].get(name, {})
        for field in filter(table.__contains__, FIELDS):
            known = own.get(field) or ("operator" if field == "who" else None)
            if step := _step((ACTUATORS, name, field), [known], own.get(field), table[field]):
                yield step


def _step(path: tuple[str, ...], known: Iterable[Any], instead: Any, after: Any) -> Step | None:
    freedom = _FREEDOM[path[-1]]
    surpassed = [before for before in known if freedom(after) > freedom(before)]
    if not surpassed:
        return None
    return Step(path=path, before=shown(min(surpassed, key=freedom)), after=shown(after), instead=instead)


def _keys(name: str) -> list[str]:
    """The classes that a table speaks of."""
    if name == DEFAULT:
        return EVERY_CLASS
    return [name, "damper"] if name == AIR_VALVE else [name]


def _layers(key: str, commands: Tables, actuators: Tables) -> list[tuple[str, Tables]]:
    """The shipped tables that speak of the class, the weakest first."""
    names = (DEFAULT, *([AIR_VALVE] if key == "damper" else []), key)
    return [("", actuators.get(key, {})), *((name, commands.get(name, {})) for name in names)]


def _hidden(name: str, field: str, layers: list[tuple[str, Tables]]) -> bool:
    """Whether a stronger table says something else anyway."""
    stronger = layers[[layer for layer, _ in layers].index(name) + 1 :]
    return any(table.get(field) is not None for _, table in stronger)


def _value(field: str, layers: list[tuple[str, Tables]], who: str) -> Any:
    said = [table[field] for _, table in layers if table.get(field) is not None]
    return said[-1] if said else (who if field == "who" else None)
