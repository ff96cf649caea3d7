"""The preflight says why nobody would be found, before anybody believes that nobody is there."""

from __future__ import annotations

import pytest
from pretend import PretendBacnet, PretendDevice

from points.bacnet.port import IAm
from points.discovery import DiscoveryPlan
from points.discovery.preflight import Facts, Finding, Level, judge, preflight
from points.model import DeviceRef

FINE = {"address": "10.1.2.3", "prefix": 24, "port": 47808, "foreign": False, "own_broadcasts": 3}


def judged(**facts: object) -> list[Finding]:
    return judge(Facts(**{**FINE, **facts}))  # type: ignore[arg-type]  # each field by its name


def worst(findings: list[Finding]) -> Level:
    order = [Level.OK, Level.WARNING, Level.PROBLEM]
    return max((finding.level for finding in findings), key=order.index)


@pytest.mark.parametrize(
    ("facts", "level", "said"),
    [
        ({"other_broadcasts": 4, "answered_broadcast": 4}, Level.OK, "4 broadcasts of others were heard"),
        ({"answered_broadcast": 4}, Level.OK, "each directly to us"),
        ({}, Level.WARNING, "another subnet"),
        ({"own_broadcasts": 0}, Level.PROBLEM, "firewall"),
        ({"own_broadcasts": 0}, Level.PROBLEM, "container"),
        ({"prefix": 32, "own_broadcasts": 0}, Level.PROBLEM, "has no broadcast address"),
        ({"address": "127.0.0.1", "prefix": 8}, Level.PROBLEM, "loopback"),
        ({"address": "0.0.0.0", "other_broadcasts": 1}, Level.WARNING, "one of them only"),
        ({"port": 47809, "other_broadcasts": 1}, Level.WARNING, "port 47809"),
        ({"foreign": True, "registered": False}, Level.PROBLEM, "no BBMD has registered us"),
        ({"foreign": True}, Level.WARNING, "broadcast distribution table"),
        ({"foreign": True, "answered_broadcast": 2, "own_broadcasts": 0}, Level.OK, "2 devices answered"),
        ({"asked_directly": 3, "answered_directly": 2}, Level.PROBLEM, "none when asked by broadcast"),
        ({"asked_directly": 3, "answered_directly": 3, "answered_broadcast": 3}, Level.OK, "3 of 3 known devices"),
        ({"asked_directly": 3}, Level.WARNING, "switched off"),
    ],
)
def test_what_is_wrong_is_said(facts: dict[str, object], level: Level, said: str) -> None:
    findings = judged(**facts)
    assert worst(findings) is level
    assert any(said in f"{finding.text} {finding.advice}" for finding in findings)


def test_whatever_is_not_well_comes_with_advice() -> None:
    bad: list[dict[str, object]] = [{}, {"own_broadcasts": 0}, {"prefix": 32}, {"port": 1}, {"foreign": True}]
    for facts in bad:
        assert all(finding.advice for finding in judged(**facts) if finding.level is not Level.OK)


def test_deafness_is_not_also_called_an_empty_network() -> None:
    assert not any("Nobody else" in finding.text for finding in judged(own_broadcasts=0))


class Ears(PretendBacnet):
    """A network that is heard as well or badly as the test says."""

    registered = True
    own_broadcasts = other_broadcasts = 7  # from before
    hears_itself = True
    broadcasts_pass = True

    def __init__(self, *devices: PretendDevice) -> None:
        super().__init__(*devices)
        self.asked: list[tuple[str | None, int, int]] = []

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        self.asked.append((target, low, high))
        if target is None:
            self.own_broadcasts += self.hears_itself
            return await super().who_is(low, high, wait=wait) if self.broadcasts_pass else []
        return [
            self.i_am(each)
            for each in self.devices.values()
            if each.ref.address == target and low <= each.ref.instance <= high and not each.silent
        ]


async def asked(ears: Ears, *known: DeviceRef, prefix: int = 24, foreign: bool = False) -> list[Finding]:
    return await preflight(
        ears, ears, DiscoveryPlan(), known, address="10.1.2.3", prefix=prefix, port=47808, foreign=foreign
    )


async def test_a_sound_network_is_proven_by_asking_it() -> None:
    ears = Ears(PretendDevice(1), PretendDevice(2, address="10.0.0.2:47808"))
    assert {finding.level for finding in await asked(ears)} == {Level.OK}


async def test_known_devices_are_asked_for_by_instance_and_nobody_else_is() -> None:
    devices = [PretendDevice(instance, address=f"10.0.0.{instance}") for instance in range(1, 9)]
    ears = Ears(*devices)
    await asked(ears, *(device.ref for device in devices))
    assert all(low == high for _, low, high in ears.asked)
    assert len(ears.asked) == 6


async def test_broadcasts_that_do_not_pass_are_told_from_devices_that_are_off() -> None:
    device = PretendDevice(1)
    ears = Ears(device)
    ears.broadcasts_pass = False
    assert any("none when asked by broadcast" in finding.text for finding in await asked(ears, device.ref))
    device.silent = True
    assert not any("none when asked by broadcast" in finding.text for finding in await asked(ears, device.ref))


async def test_what_was_heard_before_proves_nothing() -> None:
    ears = Ears()
    ears.hears_itself = False
    assert any("deaf" in finding.text for finding in await asked(ears))


async def test_nothing_is_broadcast_where_it_cannot_be() -> None:
    device = PretendDevice(1)
    ears = Ears(device)
    findings = await asked(ears, device.ref, prefix=32)
    assert [target for target, _, _ in ears.asked] == [device.ref.address]
    assert worst(findings) is Level.PROBLEM
