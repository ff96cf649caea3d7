"""A room in which patients sleep while all of its beds are free: what it may be like then. Pure."""

from __future__ import annotations

from dataclasses import replace

from facility.profiles.commanding import origin
from facility.profiles.conversion import convert
from facility.profiles.model import Limit, Profile, Vacated


def vacated_rules(profile: Profile | None) -> Vacated | None:
    """None: no state of its beds makes a difference."""
    if profile is None or profile.vacated is None:
        return None
    table, where = profile.vacated, origin(profile.vacated, profile)
    return Vacated(
        free_s=table.free_minutes * 60.0,
        low_c=table.low_c,
        high_c=table.high_c,
        humidity_percent=table.humidity_percent,
        source=where.source,
        edition=where.edition,
        verified_by=where.verified_by,
    )


def widened(limit: Limit, rules: Vacated, unit: str) -> Limit | None:
    """The limit of the room's temperature, in `unit`, while it is empty: nowhere narrower. None: that is none of it."""
    low, high = (convert(celsius, "degrees-celsius", unit) for celsius in (rules.low_c, rules.high_c))
    if low is None or high is None:
        return None
    return replace(
        limit,
        low=None if limit.low is None else min(limit.low, low),
        high=None if limit.high is None else max(limit.high, high),
        source=rules.source,
        edition=rules.edition,
        verified_by=rules.verified_by,
    )
