"""Keeps the garbage collector away from what lasts.

A large site's catalog is millions of objects that live for as long as the agent does. Looking through them all again
and again, which is what a full collection does, stops everything else for half a second. So they are set aside once
they are there; only what comes later is looked through. When another catalog has come into use everything is looked
through once more before it is set aside, so that what was dismissed with the old one goes, also where it refers to
itself. And what finding and reading all of it took for a moment is given back to the system.
"""

from __future__ import annotations

import ctypes
import gc

from points import classify
from points.catalog import CatalogBook
from points.clock import Clock

SETTLED_AFTER_S = 20.0  # by then everything that is made of a new catalog has been made
YOUNG, MIDDLE, OLD = 20_000, 20, 50  # allocations, then collections, before the next: readings come in thousands


class Heap:
    """The service that sets aside."""

    name = "memory"

    def __init__(self, book: CatalogBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    async def run(self) -> None:
        before = gc.get_threshold()
        gc.set_threshold(YOUNG, MIDDLE, OLD)
        try:
            while True:
                catalog = self._book.current
                await self._clock.sleep(SETTLED_AFTER_S)
                classify.forget()
                gc.unfreeze()  # otherwise what was dismissed since it was set aside would stay for ever
                gc.collect()
                gc.freeze()
                _give_back()
                if self._book.current is catalog:
                    await self._book.changed()
        finally:
            gc.set_threshold(*before)
            gc.unfreeze()


def _give_back() -> None:
    """The C library keeps what was freed for a next time (a fifth of a large site's memory), unless it is told."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc; others give back by themselves
    if trim is not None:
        trim(0)
