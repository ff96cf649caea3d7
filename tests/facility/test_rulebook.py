"""What the profiles say of a point follows the catalog and the consents of the moment."""

from dataclasses import replace

from watched_site import SPACES, TEMPERATURE

from facility.guard import Limits
from facility.profiles import Profiles
from facility.profiles.model import cited
from facility.rulebook import Rulebook
from points.catalog import Catalog, CatalogBook

OR, *_ = SPACES


def test_the_rules_of_a_point_are_those_of_its_space_as_it_is_now():
    profiles, book = Profiles.load(), CatalogBook()
    rules = Rulebook(profiles, book)
    assert rules.limits(TEMPERATURE) is None  # its space is not known yet
    slow = rules.deadline(TEMPERATURE)
    book.replace(Catalog.of([], [TEMPERATURE], spaces=[OR]))
    limit = profiles.limits(TEMPERATURE, OR)
    assert rules.limits(TEMPERATURE) == Limits(low=limit.low, high=limit.high, source=cited(limit))
    assert rules.deadline(TEMPERATURE) < slow
    assert rules.command_rule(TEMPERATURE) == profiles.command_rule(TEMPERATURE, OR)
    assert rules.limits(replace(TEMPERATURE, space=None)) is None


def test_other_profiles_hold_with_the_next_question():
    profiles = Profiles.load()
    rules = Rulebook(profiles, CatalogBook(Catalog.of([], [TEMPERATURE], spaces=[OR])))
    assert rules.critical(OR)
    assert rules.command_limits(TEMPERATURE) is not None
    profiles.become(Profiles({}))
    assert not rules.critical(OR)
    assert rules.command_limits(TEMPERATURE) is None
