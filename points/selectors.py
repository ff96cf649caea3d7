"""A small language for "which points": what configuration uses to name them.

    office-*/zone-*                                          globs over point ids
    class:heating-setpoint space-type:admin_office           words: all of them must be true
    class:lighting-command, class:lighting-level             commas: one of them must be true
    tag:clinic-b class:damper                                what the site calls points, spaces and equipment

`parse` checks every word at once, so that a mistake is found when the configuration is read; the
selector itself is resolved against the catalog of the moment, in the order of the catalog.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cache

from points.catalog import Catalog
from points.classify import CLASSES
from points.model import DeviceId, Point, Safety

Selector = Callable[[Catalog], list[Point]]
Attribute = Callable[[Point, Catalog], tuple[str, ...]]
"""What of a point a word is about; more than one text where either will do."""


class SelectorError(ValueError):
    """A selector that cannot be read; the text says which word is wrong, and what would be right."""


def _space_type(point: Point, catalog: Catalog) -> tuple[str, ...]:
    space = catalog.spaces.get(point.space) if point.space is not None else None
    return (space.type,) if space else ()


def tags_of(point: Point, catalog: Catalog) -> tuple[str, ...]:
    """Its own with those of its equipment, and those of the space where it is."""
    space = catalog.spaces.get(point.space) if point.space is not None else None
    return (*point.tags, *space.tags) if space else point.tags


_ATTRIBUTES: dict[str, Attribute] = {
    "class": lambda point, _: (point.point_class,),
    "space": lambda point, _: (point.space,) if point.space else (),
    "space-type": _space_type,
    "device": lambda point, _: (point.device,),
    "equipment": lambda point, _: tuple(filter(None, (point.equipment, point.equipment_type))),
    "unit": lambda point, _: (point.unit,),
    "kind": lambda point, _: (point.kind,),
    "safety": lambda point, _: (point.safety,),
    "access": lambda point, _: (point.access,),
    "tag": tags_of,
}
_VOCABULARY = {"class": frozenset(CLASSES), "safety": frozenset(Safety)}
_GLOB = re.compile(r"[a-z0-9*?\[\]!/_-]+")


@cache
def parse(text: str) -> Selector:
    """The selector that `text` describes; the same text gives the same selector. Raises SelectorError.

    It remembers what it found in the latest catalog: many policies ask for the same points.
    """
    choices = [[_test(word) for word in choice.split()] for choice in text.split(",")]
    if not all(choices):
        raise SelectorError(f"{text!r} has an empty part: write a glob over point ids, or words such as class:damper")
    latest: tuple[Catalog | None, list[Point]] = (None, [])

    def selected(catalog: Catalog) -> list[Point]:
        nonlocal latest
        if latest[0] is not catalog:
            latest = (catalog, _selected(choices, catalog))
        return list(latest[1])

    return selected


def tags_in(text: str) -> list[str]:
    """The tags, or globs over them, that a selector names."""
    words = [word.partition(":") for word in text.replace(",", " ").split()]
    return [tag for key, _, tag in words if key == "tag"]


@dataclass(frozen=True, slots=True)
class _Word:
    """A test of a point; and, where it names something exactly, those that alone can pass it."""

    passes: Callable[[Point, Catalog], bool]
    candidates: Callable[[Catalog], list[Point]] | None = None


def _selected(choices: Sequence[Sequence[_Word]], catalog: Catalog) -> list[Point]:
    """In the order of the catalog."""
    if len(choices) == 1:
        return _of_choice(choices[0], catalog)
    chosen = {point.id: point for choice in choices for point in _of_choice(choice, catalog)}
    return sorted(chosen.values(), key=lambda point: catalog.rank_of(point.id))


def _of_choice(words: Sequence[_Word], catalog: Catalog) -> list[Point]:
    few = [word.candidates(catalog) for word in words if word.candidates is not None]
    points = min(few, key=len) if few else list(catalog.points.values())
    return [point for point in points if all(word.passes(point, catalog) for word in words)]


def _test(word: str) -> _Word:
    key, colon, wanted = word.partition(":")
    if not colon:
        return _about_id(word)
    attribute = _ATTRIBUTES.get(key)
    if attribute is None:
        raise SelectorError(f"{word!r}: there is no {key!r}.{_near(key, _ATTRIBUTES)} Known: {', '.join(_ATTRIBUTES)}")
    matches = _glob(wanted, word)
    known = _VOCABULARY.get(key)
    if known is not None and not any(map(matches, known)):
        raise SelectorError(f"{word!r}: no {key} is called {wanted!r}.{_near(wanted, known)}")

    def passes(point: Point, catalog: Catalog) -> bool:
        return any(map(matches, attribute(point, catalog)))

    if _is_exact(wanted):
        return _Word(passes, lambda catalog: catalog.having(key, attribute, wanted))
    return _Word(passes)


def _about_id(word: str) -> _Word:
    matches = _glob(word, word)
    device, slash, _ = word.partition("/")

    def passes(point: Point, _catalog: Catalog) -> bool:
        return matches(point.id)

    if slash and _is_exact(device):
        return _Word(passes, lambda catalog: catalog.points_of(DeviceId(device)))
    return _Word(passes)


def _is_exact(pattern: str) -> bool:
    return not any(sign in pattern for sign in "*?[")


def _glob(pattern: str, word: str) -> Callable[[str], bool]:
    if not _GLOB.fullmatch(pattern):
        raise SelectorError(f"{word!r}: {pattern!r} is not a glob of small letters, digits, - _ / * and ?")
    matches = re.compile(translate(pattern)).match
    return lambda text: matches(text) is not None


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
