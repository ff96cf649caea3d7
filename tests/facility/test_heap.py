"""What lasts is set aside from the garbage collector, and nothing else is kept longer for it."""

import asyncio
import gc
import weakref

import pytest
from desk_bench import FAN
from session_bench import DEVICES

from facility import heap
from facility.heap import Heap
from points import classify
from points.catalog import Catalog, CatalogBook
from points.classify import words
from points.clock import SystemClock


def test_what_was_remembered_for_classifying_is_forgotten():
    words.cut("OR-3 Room Temp")
    assert words.cut.cache_info().currsize
    classify.forget()
    assert not words.cut.cache_info().currsize


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


def seen_by_the_collector(made):
    return any(each is made for each in gc.get_objects())


@pytest.fixture
def book(monkeypatch):
    monkeypatch.setattr(heap, "SETTLED_AFTER_S", 0.0)
    return CatalogBook(Catalog.of(DEVICES, [FAN]))


async def test_what_is_there_is_set_aside_again_with_each_catalog_and_given_back_at_the_end(book):
    thresholds = gc.get_threshold()
    service = asyncio.create_task(Heap(book, SystemClock()).run())
    await until(gc.get_freeze_count)
    later = Catalog.of(DEVICES, [FAN])
    made = [later]
    assert seen_by_the_collector(made)
    book.replace(later)
    await until(lambda: not seen_by_the_collector(made))
    service.cancel()
    await asyncio.gather(service, return_exceptions=True)
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, thresholds)


class Keeper:
    """Something that refers to itself in a roundabout way, as whoever keeps a device does."""

    def __init__(self):
        self.work = {"answered": self.answered}

    def answered(self):
        return self


async def test_what_was_set_aside_goes_once_nobody_refers_to_it(book):
    keeper = Keeper()
    kept = weakref.ref(keeper)
    service = asyncio.create_task(Heap(book, SystemClock()).run())
    await until(gc.get_freeze_count)
    del keeper
    gc.collect()
    assert kept() is not None  # it was set aside: the collector does not see it
    book.replace(Catalog.of(DEVICES, [FAN]))
    await until(lambda: kept() is None)
    service.cancel()
    await asyncio.gather(service, return_exceptions=True)
