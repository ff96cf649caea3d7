"""Who may do what. Deny by default: what is not listed for a role, nobody of that role may do.

A caller is who the kernel says he is; the configuration says which role that name has, and where.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Role = Literal["viewer", "operator", "engineer", "admin", "auditor", "service"]


class Permission(StrEnum):
    """Something that a person may do."""

    SEE = "see"  # points, alarms, schedules, overview
    ACKNOWLEDGE = "acknowledge alarms"
    COMMAND = "command points"
    COMMAND_LONG = "hold a point for more than 24 hours"
    DISCOVER = "search the building"
    APPROVE = "approve a device"
    CONSENT = "agree to a relaxation"
    AUDIT = "read the audit"


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "viewer": frozenset({Permission.SEE}),
    "operator": frozenset(
        {Permission.SEE, Permission.ACKNOWLEDGE, Permission.COMMAND, Permission.DISCOVER, Permission.AUDIT}
    ),
    "engineer": frozenset(Permission),
    "admin": frozenset(Permission),
    "auditor": frozenset({Permission.AUDIT}),
    "service": frozenset({Permission.SEE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A caller whom the configuration knows."""

    name: str
    role: Role
    spaces: frozenset[str] = frozenset()
    """Ids or types of the spaces in which he may act; empty: everywhere."""

    @property
    def by(self) -> str:
        """How claims and audit name him."""
        return f"user:{self.name}"

    def may(self, what: Permission, places: Collection[str] = ()) -> bool:
        """Whether he may, there. `places`: id and type of the space, none where there is no space."""
        if what not in PERMISSIONS[self.role]:
            return False
        return not self.spaces or what in (Permission.SEE, Permission.AUDIT) or not self.spaces.isdisjoint(places)
