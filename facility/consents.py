"""Who agreed to which relaxation, and what is in force because of it.

`Consents.profiles` and `Consents.gate` are the same objects as long as the agent runs: what is agreed to or
withdrawn changes them at once, and the catalog with the next look at it (`Survey.reshape`).
A consent counts as long as its person may agree: whom the configuration no longer names, or has given another role, has
no say any more, from the next start on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, delete, inspect, select

from facility.database import StateDatabase, look_into
from facility.profiles import Profiles, shipped
from facility.profiles.files import merged, read
from facility.profiles.looser import holds, steps, without
from facility.relaxations import Gate, Relaxation, enough, of_step
from facility.rows import ConsentRow, table_of, upsert

TOLD = 10  # relaxations that the log names one by one

log = structlog.get_logger(__name__)

_CONSENTS = table_of(ConsentRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One person agreed to one relaxation."""

    relaxation: str  # its key
    by: str
    reason: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A relaxation, who agreed to it, and whether it is in force."""

    relaxation: Relaxation
    consents: tuple[Consent, ...]  # that count
    in_force: bool
    lapsed: tuple[Consent, ...] = ()  # of people who may not agree any more


def anybody(_by: str) -> bool:
    """Everybody's consent counts."""
    return True


class Consents:
    """The consents of the site; kept in memory, stored before they count."""

    def __init__(
        self, site: Path | None, consents: Iterable[Consent] = (), counts: Callable[[str], bool] = anybody
    ) -> None:
        """`site`: its own profile file. `counts`: whether that person's consents do.

        Raises `ProfileError` if the file cannot be used.
        """
        self.profiles = Profiles.load(site)
        self.file = site or Path("profiles")
        self.shipped: Mapping[str, Any] = shipped()
        self.site: Mapping[str, Any] = read(site) if site else {}
        self.wanted: Mapping[str, Any] = merged(self.shipped, self.site)
        """The tables as the site would have them, and as they are in force."""
        self.in_force: Mapping[str, Any] = {}
        self._steps = steps(self.shipped, self.site)
        self._counts = counts
        self._given: dict[str, dict[str, Consent]] = {}
        for consent in consents:
            self._given.setdefault(consent.relaxation, {})[consent.by] = consent
        self._held: dict[str, bool] = {}
        self._counted: tuple[Sequence[Relaxation], int] | None = None
        self._enforce()
        self.gate = Gate(self.profiles, self.agreed)

    def agreed(self, key: str) -> bool:
        """Whether two different people agreed to exactly this."""
        return enough([by for by in self._given.get(key, ()) if self._counts(by)])

    def standing(self) -> list[Standing]:
        """Every relaxation of the site: of its profiles first, then of the points of the latest catalog."""
        every = [(of_step(step), self._held[of_step(step).key]) for step in self._steps]
        every += [(relaxation, self.agreed(relaxation.key)) for relaxation in self.gate.found]
        return [self._standing(relaxation, holding=holding) for relaxation, holding in every]

    def _standing(self, relaxation: Relaxation, *, holding: bool) -> Standing:
        given = tuple(self._given.get(relaxation.key, {}).values())
        counting = tuple(each for each in given if self._counts(each.by))
        lapsed = tuple(each for each in given if each not in counting)
        return Standing(relaxation=relaxation, consents=counting, in_force=holding, lapsed=lapsed)

    def waiting(self) -> int:
        """How many of them are not in force. Asked often, and of a large site there may be many thousands."""
        if self._counted is None or self._counted[0] is not self.gate.found:
            points = sum(not self.agreed(relaxation.key) for relaxation in self.gate.found)
            self._counted = (self.gate.found, points + sum(not holding for holding in self._held.values()))
        return self._counted[1]

    def tell(self) -> None:
        """Says in the log what is not in force."""
        held_back = [standing for standing in self.standing() if not standing.in_force]
        for standing in held_back[:TOLD]:
            log.warning(
                "not in force until two people agree: the stricter holds",
                relaxation=standing.relaxation.key,
                agreed=[consent.by for consent in standing.consents],
                may_not_agree_any_more=[consent.by for consent in standing.lapsed],
            )
        if len(held_back) > TOLD:
            log.warning("more is not in force: `facility relaxations` lists it", more=len(held_back) - TOLD)

    async def give(self, db: StateDatabase, consents: Collection[Consent]) -> None:
        """Stores the consents, then lets them count."""
        await store(db, consents)
        for consent in consents:
            self._given.setdefault(consent.relaxation, {})[consent.by] = consent
        self._enforce()

    async def withdraw(self, db: StateDatabase, keys: Collection[str]) -> None:
        """Nobody agrees to these any more; the stricter holds at once, whatever becomes of the disk."""
        for key in keys:
            self._given.pop(key, None)
        self._enforce()
        await db.run(lambda connection: _forget(connection, keys))

    def _enforce(self) -> None:
        self._counted = None
        left_out = [step for step in self._steps if not self.agreed(of_step(step).key)]
        self.in_force = without(self.shipped, self.site, left_out)
        self.profiles.become(Profiles.of_tables(self.in_force, lambda _key: self.file))
        missing = {step.where for step in left_out}
        self._held = {
            of_step(step).key: step.where not in missing and holds(step, self.in_force, self.wanted)
            for step in self._steps
        }


async def load(db: StateDatabase) -> list[Consent]:
    """All that was ever agreed to and not withdrawn."""
    return await db.run(_all)


def stored(path: Path) -> list[Consent]:
    """The same from a state file that another process may have open; nothing without a file."""
    return look_into(path, _all) if path.exists() else []


async def store(db: StateDatabase, consents: Iterable[Consent]) -> None:
    """On disk when this returns. Who agrees twice agrees once."""
    rows = [
        {"relaxation": each.relaxation, "by": each.by, "reason": each.reason, "time": each.time} for each in consents
    ]
    await db.run(lambda connection: upsert(connection, ConsentRow, rows))


def _all(connection: Connection) -> list[Consent]:
    if not inspect(connection).has_table(_CONSENTS.name):  # of an agent that knew of no consents
        return []
    rows = connection.execute(select(_CONSENTS).order_by(_CONSENTS.c.time)).mappings()
    return [Consent(**row) for row in rows]


def _forget(connection: Connection, keys: Collection[str]) -> None:
    for key in keys:
        connection.execute(delete(_CONSENTS).where(_CONSENTS.c.relaxation == key))
