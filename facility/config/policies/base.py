"""What every policy's section has in common, and what it is made a policy with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from facility.config.errors import ConfigError
from facility.config.section import Section, Slug
from points.catalog import Catalog
from points.model import Point
from points.selectors import parse
from schedules.policy import Policy, Selector
from schedules.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Given:
    """What the site has for its policies."""

    timetable: Callable[[str], Timetable]
    """Of a programme, by its name."""
    bookings: bool = False
    """There is a feed of bookings: a room that may be booked is taken for occupied."""
    site: str = ""
    """Its id: what is random differs from site to site."""


class PolicyBase(Section):
    """A policy of a kind; `kind` says which."""

    name: Slug
    """What screens and audit call it."""
    enabled: bool = True
    """Off keeps the section without using it."""

    @property
    def speaks_for(self) -> tuple[str, ...]:
        """The selectors of everything that it may command."""
        raise NotImplementedError

    @property
    def follows(self) -> Mapping[str, set[str]]:
        """The programmes that it follows, each with the states that it speaks of."""
        return {}

    def key_of(self, word: str) -> tuple[str, ...]:
        """The key that says this word, as its value or in it; none if that is not sure."""
        said = [key for key in self.model_fields_set if word in _words(getattr(self, key))]
        return tuple(said) if len(said) == 1 else ()

    def policy(self, given: Given) -> Policy:
        """The policy that is meant. Raises `ConfigError` for what cannot be read."""
        raise NotImplementedError

    def selector(self, text: str) -> Selector:
        """The selector, or a `ConfigError` that names the policy and the word."""
        try:
            return parse(text)
        except ValueError as error:
            raise ConfigError(f"policy {self.name!r}: {error}") from None

    def perhaps(self, text: str) -> Selector | None:
        """The selector; None where nothing is written."""
        return self.selector(text) if text else None

    def optional(self, text: str) -> Selector:
        """The same for one that may be left empty: then it selects nothing."""
        return self.selector(text) if text else nothing


def _words(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, Mapping | list | tuple | set) else (value,)


def nothing(_catalog: Catalog) -> list[Point]:
    """The selector of a site that has none of it; one object, so that a policy that is as it was is equal to itself."""
    return []


class FollowingBase(PolicyBase):
    """A policy that follows one programme."""

    programme: Slug
    """Whose states it follows."""

    @property
    def states(self) -> set[str]:
        """The states of the programme that it speaks of."""
        raise NotImplementedError

    @property
    def follows(self) -> Mapping[str, set[str]]:
        return {self.programme: self.states}
