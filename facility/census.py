"""How many points there are, and how much is known of them: without asking each one again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from points.catalog import Catalog, CatalogBook
from points.model import PointId, Quality, Source
from points.store import PointStore


class Census:
    """Counts the points that are present; what the store holds of others is not counted."""

    def __init__(self, book: CatalogBook, store: PointStore) -> None:
        self._book = book
        self._store = store
        self._catalog: Catalog | None = None
        self._total = 0
        self._stored = 0
        self._others: Collection[PointId] = ()  # in the store, but not present in the building

    def counts(self) -> Mapping[str, int]:
        """As `facility.wire.Overview.points` has them, but for what is out of its limits."""
        self._take_stock()
        known = Counter(self._store.counts())
        for point in self._others:
            if (reading := self._store.get(point)) is not None:
                known[reading.quality, reading.source] -= 1
        good = sum(number for (quality, _), number in known.items() if quality is Quality.GOOD)
        return {
            "total": self._total,
            "read": known.total(),
            "good": good,
            "unknown": self._total - good,
            "cov": sum(number for (_, source), number in known.items() if source is Source.COV),
            "poll": sum(number for (_, source), number in known.items() if source is Source.POLL),
        }

    def _take_stock(self) -> None:
        catalog, stored = self._book.current, len(self._store)
        if catalog is self._catalog and stored == self._stored:
            return
        present = {point.id for point in catalog.points.values() if point.present}
        self._catalog, self._stored, self._total = catalog, stored, len(present)
        self._others = [point for point in self._store if point not in present]
