"""Which devices, points and spaces exist.

A `Catalog` is an immutable picture; discovery makes a new one and `CatalogBook` swaps it in.
Nothing is ever deleted: a point that was not found again stays, marked `present=False`.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from points.errors import UnknownPoint
from points.model import Device, DeviceId, Point, PointId, Space, SpaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All that is known of the building's make-up at one moment."""

    devices: Mapping[DeviceId, Device] = field(default_factory=dict)
    points: Mapping[PointId, Point] = field(default_factory=dict)
    spaces: Mapping[SpaceId, Space] = field(default_factory=dict)
    _of_device: dict[DeviceId, list[Point]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _order: dict[PointId, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    _found: dict[str, dict[str, list[Point]]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, devices: Iterable[Device], points: Iterable[Point], spaces: Iterable[Space] = ()) -> Catalog:
        return cls(
            devices=MappingProxyType({device.id: device for device in devices}),
            points=MappingProxyType({point.id: point for point in points}),
            spaces=MappingProxyType({space.id: space for space in spaces}),
        )

    def point(self, point: str) -> Point:
        """The point of that id, or `UnknownPoint` naming the nearest ids."""
        try:
            return self.points[PointId(point)]
        except KeyError:
            raise UnknownPoint(self._not_found(point)) from None

    def points_of(self, device: DeviceId) -> list[Point]:
        """In the order of the catalog."""
        if not self._of_device:
            for point in self.points.values():
                self._of_device.setdefault(point.device, []).append(point)
        return list(self._of_device.get(device, ()))

    def having(self, attribute: str, texts: Callable[[Point, Catalog], Iterable[str]], text: str) -> list[Point]:
        """The points that have this text as that attribute, in the order of the catalog; looked up once for all."""
        index = self._found.get(attribute)
        if index is None:
            index = self._found[attribute] = {}
            for point in self.points.values():
                for each in set(texts(point, self)):
                    index.setdefault(each, []).append(point)
        return index.get(text, [])

    def points_in(self, space: SpaceId) -> list[Point]:
        """In the order of the catalog."""
        return self.having("space", _space, space)

    def rank_of(self, point: PointId) -> int:
        """Where in the order of the catalog a point of it stands."""
        if not self._order:
            self._order.update((each, number) for number, each in enumerate(self.points))
        return self._order[point]

    def place(self, point: PointId) -> str:
        """The name of the space where it is; "" where none is known."""
        known = self.points.get(point)
        space = self.spaces.get(known.space) if known is not None and known.space else None
        return space.name if space else ""

    def _not_found(self, wanted: str) -> str:
        near = difflib.get_close_matches(wanted, self.points, n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else " `facility points` lists all of them."
        return f"There is no point {wanted!r}.{hint}"


def _space(point: Point, _catalog: Catalog) -> tuple[str, ...]:
    return (point.space,) if point.space else ()


class CatalogBook:
    """The current catalog, and a way to wait for the next one."""

    def __init__(self, catalog: Catalog | None = None) -> None:
        self._current = catalog or Catalog()
        self._changed = asyncio.Event()

    @property
    def current(self) -> Catalog:
        return self._current

    def replace(self, catalog: Catalog) -> None:
        self._current = catalog
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changed(self) -> Catalog:
        """Waits for the next `replace` and returns what came."""
        await self._changed.wait()
        return self._current
