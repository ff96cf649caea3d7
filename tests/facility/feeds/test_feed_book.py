"""What was told is known as long as it is fresh, and a restart or a gap never makes a bed longer free."""

import asyncio
from datetime import timedelta

import pytest
from manual_clock import NOON, ManualClock

from facility.database import open_state
from facility.feeds.book import KEPT, BedReport, BookingReport, FeedBook
from facility.feeds.keeping import FeedKeeper
from facility.feeds.tally import Refused
from schedules.feeds import BEDS, BOOKINGS, BedState, DemandEvent

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return ManualClock()


def report(state="U", *, minutes=0, bed="", space="room-1"):
    return BedReport(space=space, bed=bed, state=BedState(state), time=NOON + minutes * MINUTE)


def booking(start=60, end=120, *, key=b"", space="or-1"):
    return BookingReport(space=space, start=NOON + start * MINUTE, end=NOON + end * MINUTE, key=key)


def states(book):
    return {(bed.space, bed.bed): bed.state.value for beds in book.feeds().beds.values() for bed in beds}


def test_a_repetition_keeps_since_when_and_a_change_begins_anew(clock):
    book = FeedBook(clock)
    clock.advance(minutes=10)
    for state, minutes in (("U", 0), ("U", 5), ("O", 6), ("U", 7)):
        book.take_bed(report(state, minutes=minutes), "mqtt")
        since = book.feeds().beds["room-1"][0].since
        assert since == NOON + {0: 0, 5: 0, 6: 6, 7: 7}[minutes] * MINUTE


def test_what_is_older_is_refused_and_of_two_at_one_time_the_taken_one_counts(clock):
    book = FeedBook(clock)
    assert book.take_bed(report("O", minutes=0), "mqtt") is None
    assert book.take_bed(report("U", minutes=-1), "mqtt") is Refused.OLDER
    assert book.take_bed(report("U", minutes=0), "mqtt") is None
    assert states(book) == {("room-1", ""): "O"}


def test_isolation_is_not_kept(clock):
    book = FeedBook(clock)
    book.take_bed(report("I"), "hl7")
    assert states(book) == {("room-1", ""): "O"}
    assert "ISOLATED" not in repr(book)


def test_silence_takes_the_beds_of_that_sender_and_of_no_other(clock):
    book = FeedBook(clock)
    book.take_bed(report("U", space="room-1"), "hl7")
    book.take_bed(report("U", space="room-2"), "mqtt")
    clock.advance(minutes=20)
    book.take_bed(report("U", space="room-2"), "mqtt")
    clock.advance(minutes=10)
    assert states(book).keys() == {("room-1", ""), ("room-2", "")}
    clock.advance(seconds=1)
    assert states(book).keys() == {("room-2", "")}
    assert book.feeds().is_fresh(BEDS, clock.now())


def test_a_room_is_known_when_all_of_its_beds_are(clock):
    book = FeedBook(clock, {"room-1": frozenset({"4E^1^A", "4E^1^B"})})
    book.take_bed(report(bed="4E^1^A"), "hl7")
    assert states(book) == {}
    book.take_bed(report(bed="4E^1^B"), "hl7")
    assert len(states(book)) == 2


def test_what_the_broker_kept_says_nothing_of_its_sender(clock):
    book = FeedBook(clock)
    clock.advance(minutes=45)
    book.take_bed(report(minutes=0), "mqtt", live=False)
    assert states(book) == {}
    book.take_bed(report("O", minutes=45, space="room-2"), "mqtt")
    assert states(book) == {("room-1", ""): "U", ("room-2", ""): "O"}
    book.take_booking(booking(), "mqtt", live=False)
    assert not book.feeds().is_fresh(BOOKINGS, clock.now())


def test_where_something_may_have_been_missed_a_free_bed_is_free_from_now_on(clock):
    book = FeedBook(clock)
    book.take_bed(report(), "mqtt")
    clock.advance(minutes=10)
    book.missed(BEDS, "hl7")
    assert book.feeds().beds["room-1"][0].since == NOON
    book.missed(BEDS, "mqtt")
    assert book.feeds().beds["room-1"][0].since == NOON + 10 * MINUTE


def test_bookings_move_are_cancelled_and_are_over(clock):
    book = FeedBook(clock)
    book.take_booking(booking(60, 120, key=b"a"), "mqtt")
    book.take_booking(booking(90, 150, key=b"a"), "mqtt")
    book.take_booking(booking(200, 260, key=b"b"), "mqtt")
    book.take_booking(booking(200, 200, key=b"b"), "mqtt")
    assert [each.start for each in book.feeds().bookings["or-1"]] == [NOON + 90 * MINUTE]
    clock.advance(minutes=150)
    assert book.feeds().bookings == {}


def test_the_farthest_booking_goes_where_there_are_too_many(clock):
    book = FeedBook(clock)
    for day in range(65, 0, -1):
        book.take_booking(booking(day * 100, day * 100 + 1), "mqtt")
    kept = book.feeds().bookings["or-1"]
    assert (len(kept), kept[0].start) == (64, NOON + 100 * MINUTE)


def test_policies_are_told_of_news_only(clock):
    book, told = FeedBook(clock), []
    book.follow(lambda: told.append(1))
    for _ in range(3):
        book.take_bed(report("U"), "mqtt")
    assert len(told) == 1
    book.set_events([], "")
    assert len(told) == 1
    event = DemandEvent(id="e", level=2, start=NOON, end=NOON + 60 * MINUTE)
    book.set_events([event], "on the generator")
    assert (len(told), book.feeds().events, book.feeds().opted_out) == (2, (event,), "on the generator")


async def test_silence_is_told_when_it_begins(clock):
    book, told = FeedBook(clock), asyncio.Event()
    book.take_bed(report("U"), "mqtt")
    book.follow(told.set)
    task = asyncio.create_task(book.run())
    try:
        async with asyncio.timeout(30):
            while not told.is_set():
                clock.advance(minutes=1)
                await asyncio.sleep(0)
        assert clock.now() - NOON >= 30 * MINUTE
        assert states(book) == {}
    finally:
        task.cancel()


def test_a_bed_of_which_nothing_is_said_for_days_is_unknown(clock):
    book = FeedBook(clock)
    book.take_bed(report("U"), "mqtt")
    clock.advance(seconds=KEPT.total_seconds())
    book.take_bed(BedReport(space="room-2", bed="", state=BedState.OCCUPIED, time=clock.now()), "mqtt")
    assert states(book).keys() == {("room-2", "")}
    assert len(book.beds) == 1


async def restarted(folder, clock, book):
    with open_state(folder) as db:
        await FeedKeeper(book, db, clock).save()
    after = FeedBook(clock)
    with open_state(folder) as db:
        await FeedKeeper(after, db, clock).restore()
    return after


async def test_a_restart_keeps_what_is_fresh_and_begins_to_count_anew(clock, tmp_path):
    book = FeedBook(clock)
    book.take_bed(report("U", minutes=0), "hl7")
    book.take_bed(report("K", minutes=0, space="room-2"), "hl7")
    book.take_booking(booking(), "mqtt")
    clock.advance(minutes=20)
    after = await restarted(tmp_path, clock, book)
    assert states(after) == {("room-1", ""): "U", ("room-2", ""): "O"}
    assert after.feeds().beds["room-1"][0].since == clock.now()
    assert after.feeds().bookings["or-1"][0].start == NOON + 60 * MINUTE


async def test_a_restart_keeps_nothing_that_is_stale(clock, tmp_path):
    book = FeedBook(clock)
    book.take_bed(report("U"), "hl7")
    clock.advance(minutes=31)
    after = await restarted(tmp_path, clock, book)
    assert (after.beds, after.feeds().heard) == ({}, {})


async def test_no_state_but_free_or_not_is_on_disk(clock, tmp_path):
    book = FeedBook(clock)
    for number, state in enumerate("CHIKOU"):
        book.take_bed(report(state, space=f"room-{number}"), "hl7")
    await restarted(tmp_path, clock, book)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b'"free"' in kept
    for word in (b'"state"', b"isol", b"contam", b'"I"', b'"K"'):
        assert word not in kept


@pytest.mark.parametrize("alive", [False, True])
def test_a_clock_that_is_put_back_makes_no_silent_feed_fresh(clock, alive):
    book = FeedBook(clock)
    book.take_bed(report("U"), "mqtt")
    assert book.feeds().is_fresh(BEDS, clock.now())
    clock.advance(hours=-2)
    if alive:
        book.take_bed(report("U", minutes=-120, space="room-2"), "mqtt")
    assert book.feeds().is_fresh(BEDS, clock.now()) is alive
    clock.advance(hours=2, minutes=1)  # by the clock it was heard a minute ago; it has been silent for two hours
    assert not book.feeds().is_fresh(BEDS, clock.now())
    assert states(book) == {}
