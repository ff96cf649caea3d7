"""Which priority slots hold something of ours: what, why, whose, until when.

The table in memory is the one on disk: a change is committed before it is visible here, so that a
process which is killed at any instant finds every slot it may have written. There is one claim per
slot; a newer one takes the place of the older and remembers which earlier values of ours may still
stand in the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, select

from facility.database import StateDatabase
from facility.model import Claim, SlotKey
from facility.rows import ClaimRow, from_text, table_of, to_text, upsert
from points.model import DeviceId, PointId, Priority, Value, values_agree

_CLAIMS = table_of(ClaimRow)


def is_ours(claim: Claim, found: Value) -> bool:
    """Whether a value found in the claim's slot is one that we put there."""
    return any(values_agree(value, found) for value in (claim.value, *claim.unproven))


class Claims:
    """All standing claims. Only the command desk changes them."""

    def __init__(self, db: StateDatabase, claims: Mapping[SlotKey, Claim]) -> None:
        self._db = db
        self._claims = dict(claims)
        self._in_order: list[Claim] | None = None

    @classmethod
    async def load(cls, db: StateDatabase) -> Claims:
        """The claims as the latest process left them."""

        def work(connection: Connection) -> dict[SlotKey, Claim]:
            rows = connection.execute(select(_CLAIMS)).mappings()
            claims = [
                Claim(
                    point=PointId(row["point"]),
                    priority=Priority(row["priority"]),
                    value=from_text(row["value"]),
                    by=row["by"],
                    reason=row["reason"],
                    since=row["since"],
                    until=row["until"],
                    command=UUID(row["command"]),
                    confirmed=row["confirmed"],
                    unproven=tuple(from_text(text) for text in row["unproven"].splitlines()),
                    goal=None if row["goal"] is None else from_text(row["goal"]),
                )
                for row in rows
            ]
            return {claim.key: claim for claim in claims}

        return cls(db, await db.run(work))

    def __getitem__(self, key: SlotKey) -> Claim | None:
        return self._claims.get(key)

    def standing(self) -> list[Claim]:
        """All claims, those that end first in front."""
        if self._in_order is None:  # asked far more often than anything changes
            self._in_order = sorted(self._claims.values(), key=lambda claim: (claim.until, claim.key))
        return list(self._in_order)

    def of(self, point: PointId) -> list[Claim]:
        """The claims on one point, the strongest level in front."""
        claims = [claim for claim in self._claims.values() if claim.point == point]
        return sorted(claims, key=lambda claim: claim.priority)

    def held_at(self, device: DeviceId) -> int:
        """How many slots of a device are ours."""
        return sum(point.startswith(f"{device}/") for point, _ in self._claims)

    async def put(self, claim: Claim) -> Claim:
        """Enters an unproven claim before its write; what it replaces may still be in the slot."""
        older = self._claims.get(claim.key)
        left = () if older is None else (older.value, *older.unproven)
        fresh = tuple(value for value in dict.fromkeys(left) if not values_agree(value, claim.value))
        return await self._save(replace(claim, confirmed=False, unproven=fresh))

    async def confirm(self, key: SlotKey, value: Value, also: Value | None = None) -> Claim:
        """The slot was read and holds `value`, or `also`: what the device made of it."""
        unproven = () if also is None else (also,)
        return await self._save(replace(self._claims[key], value=value, confirmed=True, unproven=unproven))

    async def renew(self, key: SlotKey, until: datetime) -> Claim:
        """Moves the end of a claim."""
        return await self._save(replace(self._claims[key], until=until))

    async def restore(self, claim: Claim) -> Claim:
        """Puts an earlier claim back: the write that was to replace it did not happen."""
        return await self._save(claim)

    async def drop(self, key: SlotKey) -> None:
        """Forgets the claim: the slot holds nothing of ours."""
        point, priority = key
        statement = delete(_CLAIMS).where(_CLAIMS.c.point == point, _CLAIMS.c.priority == int(priority))
        await self._db.run(lambda connection: connection.execute(statement))
        self._claims.pop(key, None)
        self._in_order = None

    async def _save(self, claim: Claim) -> Claim:
        document = {
            "point": claim.point,
            "priority": int(claim.priority),
            "value": to_text(claim.value),
            "by": claim.by,
            "reason": claim.reason,
            "since": claim.since,
            "until": claim.until,
            "command": str(claim.command),
            "confirmed": claim.confirmed,
            "unproven": "\n".join(to_text(value) for value in claim.unproven),
            "goal": None if claim.goal is None else to_text(claim.goal),
        }
        await self._db.run(lambda connection: upsert(connection, ClaimRow, [document]))
        self._claims[claim.key] = claim
        self._in_order = None
        return claim
