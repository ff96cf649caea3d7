"""How the agent's connections are, and its counters: for the status strip, banners, and /metrics."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from facility.alarms import AlarmBook
from facility.audit import Audit
from facility.audit.anchoring import Anchoring
from facility.claims import Claims
from facility.config.model import Config
from facility.feeds.account import FeedAccount
from facility.flight.recorder import Recorder
from facility.mirror.service import Mirror
from facility.model import is_policy
from facility.supervisor import Roll
from facility.wire import Link
from points.bacnet.stack import Stack
from points.catalog import CatalogBook
from points.events import Events
from points.freshness import Freshness
from points.freshness.demand import Shortfall
from points.history import History
from points.model import Source
from schedules.planner import Planner

JUMP_TOLD = timedelta(hours=1)  # so long a step of the clock explains what is odd in trends and ages

EYES = frozenset({"freshness", "alarms"})  # without these the picture stands still

TOLD_ELSEWHERE = frozenset({"mqtt", "mqtt-in", "mqtt-demand-response", "feeds-hl7", "history"})  # links of their own

TRAFFIC = (
    "requests",  # datagrams with a request of the fast lane, repetitions and subscriptions too
    "unchanged",  # reads whose answer was the same octets as the one before, and was not decoded
    "handed_on",  # answers that came in segments: refused, and asked for anew by the library
    "by_library",  # reads that the library did: in segments, or to where no router was known yet
    "late",  # answers to requests that nobody waited for any more
    "unasked",  # answers to no request of ours
    "notifications",  # changes that devices told; one datagram may tell several
    "rate_waits",  # requests that waited because their network had had its share of this second
    "forged",  # notifications that came forwarded, and so may be anybody's
    "contested_routes",  # datagrams by another router than the one that their network is heard through
)

LinkState = Literal["ok", "degraded", "down", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """Reads every part's own account of itself."""

    config: Config
    roll: Roll
    stack: Stack
    freshness: Freshness
    mirror: Mirror | None
    history: History | None
    audit: Audit
    anchoring: Anchoring
    planner: Planner
    recorder: Recorder | None
    events: Events
    claims: Claims
    alarms: AlarmBook
    book: CatalogBook
    feeds: FeedAccount
    short: Callable[[], Sequence[Shortfall]] = tuple  # networks that need more requests than they may have
    foreign: Callable[[], int] = int  # slots that hold what is not ours
    relaxations: Callable[[], int] = int  # those that two people have not agreed to

    def links(self) -> list[Link]:
        return [
            self._bacnet(),
            self._mqtt(),
            self._database(),
            self._history(),
            self.anchoring.link(),
            self._planner(),
            self._services(),
            self._clock(),
            self.feeds.link(),
        ]

    def blind(self) -> bool:
        """Whether what is shown of the building may have stopped moving."""
        return not self.roll.down.keys().isdisjoint(EYES)

    def banners(self, links: Sequence[Link]) -> list[str]:
        """What every screen must say, the gravest first."""
        told = []
        by_name = {link.name: link for link in links}
        if by_name["database"].state != "ok":
            told.append(f"COMMANDS OFF: {by_name['database'].text}")
        if by_name["audit"].state == "down":
            told.append(f"AUDIT {by_name['audit'].text}")
        if by_name["services"].state == "down":
            told.append(f"AGENT IMPAIRED: {by_name['services'].text}")
        if by_name["bacnet"].state == "down":
            told.append(f"BACNET DOWN: {by_name['bacnet'].text}")
        quarantined = [device for device in self.book.current.devices.values() if device.quarantine]
        if quarantined:
            others = f" +{len(quarantined) - 1}" if len(quarantined) > 1 else ""
            told.append(f"QUARANTINE{others}: {quarantined[0].name} {quarantined[0].quarantine}")
        if short := self.short():
            others = f" +{len(short) - 1}" if len(short) > 1 else ""
            told.append(f"BUDGET{others}: {short[0]}")
        if waiting := self.relaxations():
            told.append(f"NOT IN FORCE: {waiting} relaxations need two people (facility relaxations)")
        if by_name["clock"].state != "ok":
            told.append(f"CLOCK {by_name['clock'].text}")
        if self.config.agent.pretend:
            told.append("PRETEND HOSPITAL (demo)")
        if by_name["mqtt"].state == "down":
            told.append(f"MQTT DOWN: {by_name['mqtt'].text}")
        if by_name["history"].state == "down":
            told.append(f"HISTORY DOWN: {by_name['history'].text}")
        mqtt = self.config.mqtt
        if self.mirror and mqtt and mqtt.allow_insecure and not mqtt.tls:
            told.append("TLS OFF (mqtt.allow_insecure)")
        return told

    def stats(self) -> dict[str, float]:
        """Counters since the start, and gauges."""
        mirror = self.mirror
        standing = self.claims.standing()
        return {
            "points": len(self.book.current.points),
            "devices": len(self.book.current.devices),
            "readings_cov": self.freshness.readings[Source.COV],
            "readings_poll": self.freshness.readings[Source.POLL],
            "readings_readback": self.freshness.readings[Source.READBACK],
            "protocol_errors": sum(self.freshness.protocol_errors.values()),
            "history_rows": self.history.written if self.history else 0,
            "mqtt_published": mirror.published if mirror else 0,
            "mqtt_rejected": mirror.rejected if mirror else 0,
            "mqtt_topics": mirror.topics if mirror else 0,
            "alarms": len(self.alarms.all()),
            "claims_policy": sum(is_policy(claim.by) for claim in standing),
            "claims_operator": sum(not is_policy(claim.by) for claim in standing),
            "foreign_slots": self.foreign(),
            "planner_rounds": self.planner.rounds,
            "planner_troubles": len(self.planner.troubles),
            "events": self.events.told,
            "audit_anchored": self.anchoring.latest.seq if self.anchoring.latest else 0,
            **{f"bacnet_{name}": self.stack.traffic.get(name, 0) for name in TRAFFIC},
            "broadcasts_own": self.stack.own_broadcasts,
            "broadcasts_other": self.stack.other_broadcasts,
            **self.feeds.stats(),
            "relaxations_waiting": self.relaxations(),
            "devices_quarantined": sum(bool(device.quarantine) for device in self.book.current.devices.values()),
            "tasks": len(asyncio.all_tasks()),
            "memory_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }

    def metrics(self) -> str:
        """The same in the text form that Prometheus scrapes."""
        told = {f"facility_{name}": value for name, value in self.stats().items()}
        for network, (now, most) in sorted(self.stack.outstanding().items()):
            told[f'facility_network_outstanding{{network="{network}"}}'] = now
            told[f'facility_network_outstanding_limit{{network="{network}"}}'] = most
        return "".join(f"{name} {value!r}\n" for name, value in told.items())

    def _bacnet(self) -> Link:
        devices = self.freshness.devices()
        online = sum(status.status == "online" for status in devices.values())
        state: LinkState = "ok" if online == len(devices) else "degraded"
        text = f"{online} of {len(devices)} devices"
        if short := self.short():
            state, text = "degraded", "; ".join((text, *map(str, short)))
        if not devices:
            state, text = "degraded", "no device is known yet"
        if self.config.bacnet.foreign and not self.stack.registered:
            state, text = "down", f"not registered with the BBMD {self.config.bacnet.foreign}"
        elif devices and not online:
            state = "down"
        return Link(name="bacnet", state=state, text=text)

    def _mqtt(self) -> Link:
        return self.mirror.link() if self.mirror else Link(name="mqtt", state="off", text="not configured")

    def _database(self) -> Link:
        if self.audit.healthy:
            return Link(name="database", state="ok", text="every command is recorded")
        return Link(name="database", state="down", text="the audit cannot be written")

    def _history(self) -> Link:
        if self.history is None:
            return Link(name="history", state="off", text="not kept")
        health = self.history.link()
        return Link(name="history", state=health.state, text=health.text, since=health.since)

    def _clock(self) -> Link:
        jump = self.planner.last_jump
        if jump is None or abs(datetime.now(UTC) - jump[0]) > JUMP_TOLD:
            return Link(name="clock", state="ok", text="steady")
        return Link(name="clock", state="degraded", text=f"went {jump[1]:+.0f} s", since=jump[0])

    def _services(self) -> Link:
        """All but those whose own link tells more."""
        down = [f"{name}: {why}" for name, why in self.roll.down.items() if name not in TOLD_ELSEWHERE]
        if not down:
            return Link(name="services", state="ok", text="all run")
        return Link(name="services", state="down" if self.blind() else "degraded", text="; ".join(down))

    def _planner(self) -> Link:
        if "planner" in self.roll.down:
            return Link(name="planner", state="down", text=self.roll.down["planner"])
        faults = self.planner.decider.faults
        if faults:
            return Link(name="planner", state="degraded", text=f"{len(faults)} policies fail; the log says how")
        troubles = len(self.planner.troubles)
        if troubles:
            return Link(name="planner", state="degraded", text=f"{troubles} demands could not be carried out")
        if self.recorder is not None and self.recorder.trouble:
            return Link(name="planner", state="degraded", text=self.recorder.trouble)
        return Link(name="planner", state="ok", text=f"{self.planner.rounds} rounds")
