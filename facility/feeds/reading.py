"""From a message on MQTT to the book: what is not exactly as it has to be is counted and forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from facility.feeds import messages
from facility.feeds.book import BedReport, BookingReport, FeedBook
from facility.feeds.tally import Refused, Tally
from facility.mirror.inbox import Arrival
from points.clock import Clock
from points.model import SpaceId

SENDER = "mqtt"

log = structlog.get_logger(__name__)

Knows = Callable[[SpaceId], bool]


class BusReader:
    """Reads the branches `bed` and `booking`."""

    def __init__(self, book: FeedBook, knows: Knows, clock: Clock) -> None:
        self._book = book
        self._knows = knows
        self._clock = clock
        self.beds = Tally()
        self.bookings = Tally()

    def bed(self, arrival: Arrival) -> None:
        self._read(arrival, self.beds, messages.bed_report)

    def booking(self, arrival: Arrival) -> None:
        self._read(arrival, self.bookings, messages.booking_report)

    def _read(
        self,
        arrival: Arrival,
        tally: Tally,
        reads: Callable[[bytes, str, datetime, Knows], BedReport | BookingReport | Refused],
    ) -> None:
        try:
            verdict = self._verdict(arrival, reads)
        except Exception as fault:  # noqa: BLE001 - a fault of ours, whose text could hold what was read
            log.error("reading a feed failed", fault=type(fault).__name__)  # noqa: TRY400 - for the same reason
            verdict = Refused.NOT_READABLE
        if verdict is None:
            tally.accept()
        else:
            tally.refuse(verdict)

    def _verdict(
        self, arrival: Arrival, reads: Callable[[bytes, str, datetime, Knows], BedReport | BookingReport | Refused]
    ) -> Refused | None:
        if not arrival.bare:
            return Refused.NOT_IN_SHAPE
        report = reads(arrival.payload, arrival.place, self._clock.now(), self._knows)
        match report:
            case BedReport():
                return self._book.take_bed(report, SENDER, live=not arrival.retained)
            case BookingReport():
                return self._book.take_booking(report, SENDER, live=not arrival.retained)
            case _:
                return report
