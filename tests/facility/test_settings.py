"""Every key of the configuration reaches the part of the agent that it is about."""

from __future__ import annotations

from typing import Any

import pytest

from facility.config.bacnet import BacnetSection, PassportSection
from facility.config.model import Config
from facility.settings import Misconfigured, discovery_plan, overrule, stack_settings
from points.bacnet.stack import StackSettings
from points.discovery import DiscoveryPlan
from points.model import DeviceRef
from points.passport import Passport, Passports

DEVICE = DeviceRef(network=0, address="10.1.2.7:47808", instance=7)
BEHIND = DeviceRef(network=11, address="7", instance=7)

# By key: another value than its default, and the field that it reaches with what it is there.
OF_THE_STACK: dict[str, tuple[Any, str]] = {
    "address": ("10.1.2.3/24:47809", "address"),
    "instance": (77, "instance"),
    "foreign": ("10.9.9.9:47808", "foreign"),
    "foreign_ttl": (300, "foreign_ttl"),
    "timeout_s": (1.5, "apdu_timeout"),
    "max_outstanding_per_network": (3, "max_outstanding_per_network"),
    "requests_per_second": (7.0, "requests_per_second"),
    "local_requests_per_second": (70.0, "local_requests_per_second"),
}
STATIC = {"instance": 7, "address": "7", "network": 11}
OF_THE_PLAN: dict[str, tuple[dict[str, Any], str, Any]] = {
    "instance": ({"instance": 77}, "own_instance", 77),
    "targets": ({"targets": ["11:*"]}, "targets", ("11:*",)),
    "low": ({"low": 5}, "ranges", ((5, 4_194_302),)),
    "high": ({"high": 500}, "ranges", ((0, 500),)),
    "devices": ({"devices": [STATIC]}, "static", (BEHIND,)),
    "who_is_per_minute": ({"who_is_per_minute": 33}, "who_is_per_minute", 33),
    "foreign": ({"foreign": "10.9.9.9:47808", "targets": ["11:*"]}, "targets", (None, "11:*")),
}
ELSEWHERE = {"passport", "rediscover_hours", "sweep_minutes"}  # below, and in the composition


def config(**bacnet: Any) -> Config:
    return Config.model_validate({"bacnet": bacnet})


def test_no_key_is_forgotten_here() -> None:
    assert {*OF_THE_STACK, *OF_THE_PLAN, *ELSEWHERE} == set(BacnetSection.model_fields)


@pytest.mark.parametrize("key", OF_THE_STACK)
def test_what_is_said_of_the_network_reaches_the_stack(key: str) -> None:
    value, field = OF_THE_STACK[key]
    usual, told = (stack_settings(config(**said), patient=True) for said in ({}, {key: value}))
    differs = {
        name: getattr(told, name)
        for name in StackSettings.__dataclass_fields__
        if getattr(told, name) != getattr(usual, name)
    }
    assert differs == {field: value}


def test_an_agent_is_patient_and_a_survey_is_not_and_both_say_who_they_are() -> None:
    site = Config.model_validate({"site": {"id": "mercy"}, "agent": {"id": "east"}})
    for patient in (True, False):
        told = stack_settings(site, patient=patient)
        assert (told.patient, told.name) == (patient, "facility-mercy-east")


@pytest.mark.parametrize("key", OF_THE_PLAN)
def test_what_is_said_of_the_search_reaches_discovery(key: str) -> None:
    said, field, value = OF_THE_PLAN[key]
    usual = discovery_plan(config(address="10.1.2.3:47808", targets=["10.1.2.9"]))
    told = discovery_plan(config(**{"address": "10.1.2.3:47808", "targets": ["10.1.2.9"]} | said))
    differs = {
        name: getattr(told, name)
        for name in DiscoveryPlan.__dataclass_fields__
        if getattr(told, name) != getattr(usual, name)
    }
    assert differs == {field: value}


def test_where_no_device_could_answer_the_site_is_told_what_to_do() -> None:
    with pytest.raises(Misconfigured, match="give the address its mask"):
        discovery_plan(config(address="10.1.2.3:47808"))


SAID: dict[str, tuple[Any, str]] = {
    "reads_multiple": (False, "reads_multiple"),
    "rpm_limit": (5, "rpm_limit"),
    "max_apdu": (206, "max_apdu"),
    "segments": (False, "segments"),
    "cov_slots": (2, "cov_slots"),
    "outstanding": (3, "outstanding"),
    "timeout_s": (9.0, "timeout"),
    "retries": (4, "retries"),
    "charset": ("cp850", "charset"),
}


@pytest.mark.parametrize("key", sorted(PassportSection.model_fields.keys() - {"instance", "network"}))
def test_what_the_site_says_of_a_device_holds_over_what_was_learned(key: str) -> None:
    value, field = SAID[key]
    learned = Passport(reads_multiple=True, rpm_limit=50, charset="latin-1", timeout=1.0)
    said = overrule(config(passport=[{"instance": 7, key: value}]))
    passports = Passports({DEVICE: learned}, overrule=said)
    assert getattr(passports.of(DEVICE), field) == value
    assert passports.learned(DEVICE) == learned
    assert said(DeviceRef(network=0, address="10.1.2.8:47808", instance=8)) == {}


def test_an_entry_that_names_the_network_wins_over_one_that_does_not() -> None:
    said = overrule(
        config(
            passport=[{"instance": 7, "network": 11, "rpm_limit": 2}, {"instance": 7, "rpm_limit": 20, "retries": 3}]
        )
    )
    assert said(BEHIND) == {"rpm_limit": 2, "retries": 3}
    assert said(DEVICE) == {"rpm_limit": 20, "retries": 3}


@pytest.mark.parametrize(("outstanding", "parallel"), [(1, 2), (4, 8), (8, 16), (64, 16)])
def test_discovery_never_takes_more_than_half_of_the_local_network(outstanding: int, parallel: int) -> None:
    assert discovery_plan(config(max_outstanding_per_network=outstanding)).parallel == parallel
