"""The parts that take in what clinical IT and the utility tell, and keep it."""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from facility.assembly.ground import Ground, Trail
from facility.assembly.knowing import Knowing
from facility.config.feeds import Hl7Section
from facility.config.model import Config
from facility.feeds import adt
from facility.feeds.account import FeedAccount
from facility.feeds.book import BedReport, FeedBook
from facility.feeds.keeping import FeedKeeper
from facility.feeds.mllp import NAME, MllpServer, MllpSettings
from facility.feeds.openadr import OpenAdr
from facility.feeds.reading import SENDER, BusReader
from facility.feeds.tally import Refused, Tally
from facility.feeds.tls import server_context
from facility.feeds.utility import UtilityEvents
from facility.feeds.utility import load as load_events
from facility.feeds.utility_bus import UtilityBus
from facility.mirror.answering import Answering
from facility.mirror.inbox import Inbox, Reader
from facility.settings import mirror_settings
from facility.supervisor import Service
from points.model import SpaceId
from schedules.feeds import BEDS, BOOKINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What was told, and who takes it in."""

    book: FeedBook
    account: FeedAccount
    utility: UtilityEvents
    services: tuple[Service, ...]


async def hearing(ground: Ground, trail: Trail, known: Knowing) -> Hearing:
    """With what was told before, as far as it is fresh. What the configuration does not want is not there."""
    config, clock = ground.config, ground.clock
    book = FeedBook(clock, _beds_of_rooms(config))
    keeper = FeedKeeper(book, ground.db, clock)
    await keeper.restore()
    named = {section.id for section in config.spaces}
    reader = BusReader(book, lambda space: space in named or space in known.book.current.spaces, clock)
    readers: dict[str, Reader] = {}
    tallies: dict[str, Tally] = {}
    if config.feeds.beds:
        readers["bed"], tallies["bed"] = reader.bed, reader.beds
    if config.feeds.bookings:
        readers["booking"], tallies["booking"] = reader.booking, reader.bookings
    inbox = _inbox(ground, book, readers)
    server = _server(ground, book)
    if server is not None:
        tallies["hl7"] = server.tally
    utility = UtilityEvents(book, ground.db, trail.audit, clock, site=config.site.id, kept=await load_events(ground.db))
    ways = tuple(_ways_of_events(ground, utility))
    expected = ((BEDS, config.feeds.has_beds), (BOOKINGS, config.feeds.bookings))
    account = FeedAccount(
        book=book,
        clock=clock,
        expected=tuple(feed for feed, wanted in expected if wanted),
        tallies=tallies,
        inbox=inbox,
        hl7=server,
        troubles=tuple(way.trouble for way in ways),
    )
    optional: tuple[Service | None, ...] = (book, keeper, inbox, server, utility, *ways)
    services = tuple(each for each in optional if each is not None)
    return Hearing(book=book, account=account, utility=utility, services=services)


def _ways_of_events(ground: Ground, utility: UtilityEvents) -> Iterator[Answering | OpenAdr]:
    """The ways, besides the port, that the utility's events come."""
    section, settings = ground.config.demand_response, mirror_settings(ground.config)
    if section.mqtt and settings is not None:
        yield Answering(settings, "demand-response", UtilityBus(utility, ground.clock).answer)
    if section.openadr is not None and section.openadr.enabled:
        yield OpenAdr(section.openadr, utility, ground.clock)


def _beds_of_rooms(config: Config) -> dict[SpaceId, frozenset[str]]:
    """The beds that each room has by the configuration."""
    rooms: defaultdict[SpaceId, set[str]] = defaultdict(set)
    section = config.feeds.by_hl7
    for place, space in section.beds.items() if section else ():
        rooms[SpaceId(space)].add(adt.location(place))
    return {space: frozenset(beds) for space, beds in rooms.items()}


def _inbox(ground: Ground, book: FeedBook, readers: dict[str, Reader]) -> Inbox | None:
    settings = mirror_settings(ground.config)
    if settings is None or not readers:
        return None
    return Inbox(settings, readers, ground.clock, missed=lambda: book.missed(BEDS, SENDER))


def _server(ground: Ground, book: FeedBook) -> MllpServer | None:
    section = ground.config.feeds.by_hl7
    if section is None:
        return None
    hospital = adt.Hospital(
        zone=ground.config.site.tz,
        systems=frozenset(section.systems),
        beds={adt.location(place): SpaceId(space) for place, space in section.beds.items()},
    )

    def take(report: BedReport) -> Refused | None:
        return book.take_bed(report, NAME)

    settings = MllpSettings(
        host=section.host, port=section.port, peers=section.networks, hospital=hospital, tls=_tls(section)
    )
    return MllpServer(settings, take, ground.clock)


def _tls(section: Hl7Section) -> Callable[[], ssl.SSLContext] | None:
    if section.cert_file is None or section.key_file is None:
        return None
    return partial(server_context, section.cert_file, section.key_file, section.ca_file)
