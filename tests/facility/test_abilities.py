"""What a device was found able to do, in the words of screens and command line."""

import pytest

from facility.abilities import ODDITIES, passport_info
from points.model import DeviceRef
from points.passport import Oddity, Passports

DEVICE = DeviceRef(network=11, address="12", instance=7)


def says(overrule=None, **learned):
    passports = Passports(overrule=lambda _device: overrule or {})
    passports.learn(DEVICE, **learned)
    return passport_info(passports, DEVICE).says


def test_of_a_device_nobody_has_met_nothing_is_said():
    assert says() == []


@pytest.mark.parametrize(
    ("learned", "said"),
    [
        ({"reads_multiple": True}, "reads many properties at once"),
        ({"reads_multiple": True, "rpm_limit": 24}, "reads 24 properties at once"),
        ({"reads_multiple": False, "rpm_limit": 24}, "reads one property at a time"),
        ({"rpm_limit": 1}, "reads one property at a time"),
        ({"max_apdu": 480}, "answers of 480 octets arrive"),
        ({"segments": True}, "segmented answers arrive"),
        ({"segments": False}, "segmented answers do not arrive"),
        ({"cov_slots": 40}, "40 COV subscriptions"),
        ({"cov_slots": 1}, "1 COV subscription"),
        ({"cov_slots": 0}, "no COV subscriptions"),
        ({"latency": 0.1234}, "answers in 0.12 s"),
        ({"outstanding": 1}, "one request at a time"),
        ({"outstanding": 4}, "4 requests at once"),
        ({"timeout": 5.0}, "is waited for 5 s"),
        ({"retries": 0}, "is asked once"),
        ({"retries": 2}, "is asked 3 times"),
        ({"charset": "latin-1"}, "strings are latin-1"),
        ({"lacks": frozenset({"uptime", "serial-number"})}, "its device object lacks serial-number, uptime"),
    ],
)
def test_everything_that_is_known_is_one_thing_in_words(learned, said):
    assert says(**learned) == [said]


def test_what_the_site_says_is_marked_and_holds():
    assert says({"rpm_limit": 5}, rpm_limit=24, latency=1.0) == ["reads 5 properties at once (site)", "answers in 1 s"]


def test_every_oddity_has_words():
    assert ODDITIES.keys() == set(Oddity)
    assert says(oddities=frozenset({Oddity.RESTARTS})) == ["has restarted"]


def test_the_way_to_the_device_belongs_to_it():
    passports = Passports()
    passports.learn_network(11, outstanding=2, router="10.1.2.1:47808")
    passports.learn_network(12, outstanding=1)
    assert passport_info(passports, DEVICE).says == [
        "network 11 bears 2 requests at once",
        "behind router 10.1.2.1:47808",
    ]


def test_what_was_learned_and_what_holds_are_told_apart():
    passports = Passports(overrule=lambda _device: {"timeout": 9.0, "cov_slots": 3})
    passports.learn(DEVICE, cov_slots=40)
    info = passport_info(passports, DEVICE)
    assert (info.learned.cov_slots, info.in_force.cov_slots, info.in_force.timeout) == (40, 3, 9.0)
    assert info.overruled == ["cov_slots", "timeout"]
