"""What is open before any part of the agent is made, and outlives them all."""

from __future__ import annotations

from dataclasses import dataclass

from facility.audit import Audit
from facility.audit.anchoring import Anchoring
from facility.config import Config
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
