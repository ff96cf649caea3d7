"""What is open before any part of the agent is made, and outlives them all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from facility.audit import Audit
from facility.audit.anchoring import Anchoring
from facility.audit.keys import open_key
from facility.config.model import Config
from facility.database import StateDatabase
from facility.passports import PassportKeeper
from points.bacnet.port import Bacnet
from points.clock import Clock
from points.events import Events
from points.passport import Passports


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The configuration, the state on disk, and the network."""

    config: Config
    clock: Clock
    db: StateDatabase
    bacnet: Bacnet
    keeper: PassportKeeper
    events: Events

    @property
    def passports(self) -> Passports:
        return self.keeper.passports


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Where everything that is done is put on record, and who signs it."""

    audit: Audit
    anchoring: Anchoring


def trail_of(config: Config, db: StateDatabase, clock: Clock) -> Trail:
    """The trail of the agent that the configuration describes."""
    anchoring = Anchoring(
        agent=f"{config.site.id}/{config.agent.id}",
        db=db,
        key=open_key(config.audit_key),
        file=config.anchor_file,
        every=timedelta(minutes=config.audit.anchor_minutes),
        clock=clock,
    )
    return Trail(audit=Audit(db, clock), anchoring=anchoring)
