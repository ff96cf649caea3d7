"""Who may do what, and where. Deny by default.

A caller is who the kernel says he is. Whom the configuration does not know may nothing at all; whom it
knows may what is listed for his role, and no more. In what order it is looked: his own name, then his Unix
groups, of which the strongest role counts; then the account the agent runs under, and root. These two may be
whoever can become them: only a line with their own name makes a person of them, no group does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

Role = Literal["viewer", "operator", "engineer", "admin", "auditor", "service"]

STRONGEST_FIRST: tuple[Role, ...] = ("admin", "engineer", "operator", "viewer", "auditor", "service")
"""Which role counts of somebody whose groups have several."""

UNNAMED_ADMIN: Role = "engineer"
"""The agent's own account and root: they could change everything anyway, so they may act without a line in the
configuration. They are no admin: that is a person whom the site has named."""


class Permission(StrEnum):
    """Something that a person may do."""

    SEE = "see"
    ACKNOWLEDGE = "acknowledge"
    COMMAND = "command"
    COMMAND_LONG = "command-long"
    DISCOVER = "discover"
    APPROVE = "approve"
    CONSENT = "consent"
    WRITE_SCHEDULES = "write-schedules"
    CONFIGURE = "configure"
    DEMAND_RESPONSE = "demand-response"
    AUDIT = "audit"

    @property
    def words(self) -> str:
        """As a person says it: "you may not ..."."""
        return _WORDS[self]


_WORDS: Mapping[Permission, str] = {
    Permission.SEE: "look at the building",
    Permission.ACKNOWLEDGE: "acknowledge alarms",
    Permission.COMMAND: "command points",
    Permission.COMMAND_LONG: "hold a point for more than 24 hours",
    Permission.DISCOVER: "search the building",
    Permission.APPROVE: "approve a device",
    Permission.CONSENT: "agree to a relaxation",
    Permission.WRITE_SCHEDULES: "write the devices' own schedules",
    Permission.CONFIGURE: "change the configuration",
    Permission.DEMAND_RESPONSE: "send events of the utility",
    Permission.AUDIT: "read the audit",
}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "viewer": frozenset({Permission.SEE}),
    "operator": frozenset(
        {
            Permission.SEE,
            Permission.ACKNOWLEDGE,
            Permission.COMMAND,
            Permission.DISCOVER,
            Permission.DEMAND_RESPONSE,
            Permission.AUDIT,
        }
    ),
    "engineer": frozenset(Permission),
    "admin": frozenset(Permission),
    "auditor": frozenset({Permission.AUDIT}),
    "service": frozenset({Permission.SEE, Permission.DEMAND_RESPONSE}),  # the latter only if it is named for it
}

EVERYWHERE = frozenset({Permission.SEE, Permission.AUDIT})
"""What is not confined to somebody's spaces: whoever acts in one place has to see the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is at the other end of the socket, as the kernel says."""

    uid: int
    name: str
    named: bool = True  # False: the uid has no login name on this machine, and `name` only stands for it
    groups: frozenset[int] = frozenset()  # gids
    origin: str = ""  # where he sits, for the audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the configuration gives to a login name or to a Unix group."""

    role: Role
    spaces: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A caller whom the configuration knows."""

    name: str
    role: Role
    spaces: frozenset[str] = frozenset()
    """Ids or types of the spaces in which he may act; empty: everywhere."""
    origin: str = ""
    """Where he sits, for the audit."""
    named: bool = True
    """Whether the configuration names him, or a group of a person; else the account stands for whoever is behind it."""

    @property
    def by(self) -> str:
        """How claims and audit name him."""
        return f"user:{self.name}"

    def has(self, what: Permission) -> bool:
        """Whether his role may do it, somewhere."""
        return what in PERMISSIONS[self.role]

    def may(self, what: Permission, places: Collection[str] = ()) -> bool:
        """Whether he may, there. `places`: id and type of the space, none where there is no space."""
        return self.has(what) and (what in EVERYWHERE or not self.spaces or not self.spaces.isdisjoint(places))

    def refusal(self, what: Permission, where: str = "") -> str:
        """Why he may not, and who may. `where`: the place in words, if the place is the reason."""
        if where and self.has(what):
            return f"You may {what.words} in {', '.join(sorted(self.spaces))} only; {where}."
        article = "an" if self.role[0] in "aeiou" else "a"
        able = [role for role in reversed(STRONGEST_FIRST) if what in PERMISSIONS[role]]
        return f"You are {article} {self.role}: you may not {what.words}. Who may: {', '.join(able)}."


class Roster:
    """Everybody whom the configuration knows, by name and by group."""

    def __init__(self, users: Mapping[str, Grant], groups: Mapping[int, Grant], *, own_uid: int) -> None:
        """`groups`: by gid."""
        self._users = users
        self._groups = groups
        self._own = frozenset({0, own_uid})

    def user(self, caller: Caller) -> User | None:
        """As whom he is known; None if he is not."""
        grant = self._users.get(caller.name) if caller.named else None
        named, anybody = grant is not None, caller.uid in self._own
        if grant is None and caller.named:
            grant = strongest([self._groups[gid] for gid in caller.groups if gid in self._groups])
            named = grant is not None and not anybody
        if grant is None and anybody:
            grant = Grant(role=UNNAMED_ADMIN)
        return (
            None
            if grant is None
            else User(name=caller.name, role=grant.role, spaces=grant.spaces, origin=caller.origin, named=named)
        )


def strongest(grants: Collection[Grant]) -> Grant | None:
    """Of several, the strongest role; the spaces of all that give it, or everywhere if one of them does."""
    if not grants:
        return None
    role = min((grant.role for grant in grants), key=STRONGEST_FIRST.index)
    spaces = [grant.spaces for grant in grants if grant.role == role]
    return Grant(role=role, spaces=frozenset().union(*spaces) if all(spaces) else frozenset())


def stranger(caller: Caller) -> str:
    """What somebody is told whom the configuration does not know."""
    if not caller.named:
        return (
            f"The uid {caller.uid} has no login name on this machine, so you may do nothing here. "
            "An admin has to give it one, and add that to [users] in facility.toml."
        )
    key = caller.name if re.fullmatch(r"[A-Za-z0-9_-]+", caller.name) else f'"{caller.name}"'
    return (
        f"This agent does not know you, {caller.name}: you may do nothing here. An admin has to add the line "
        f'{key} = "viewer" (or {", ".join(role for role in get_args(Role) if role != "viewer")}) '
        "under [users] in facility.toml, and start the agent again."
    )
