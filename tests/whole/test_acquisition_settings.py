"""What the site writes under [bacnet], and what the agent learned, as devices see it of the agent that users run.

Every part has its own tests; here is only that they are put together: a setting that reaches nobody, a passport
that is stored and not given to whoever asks, a changed device that nobody looks at again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "awkward"))

import pytest
from device import Asked, Device
from octets import ANALOG_INPUT, DEVICE, OBJECT_NAME, READ, SUBSCRIBE, UTF8, npdu_of, raw_text
from stage import AgentProcess, agent_process, free_udp_port, until
from town import DISTRIBUTE, Address, Router, Town, town

import facility.cli.run as running
from facility.agent import open_agent, open_survey
from facility.client import RemoteFacility
from facility.config.model import Config

WHO_IS = b"\x10\x08"
WINDOW = 1.0  # seconds

Settings = dict[str, object]


def box(instance: int, *, points: int = 3, **knobs: object) -> Device:
    device = Device(instance, **knobs)  # type: ignore[arg-type]  # each knob by its name
    for number in range(1, points + 1):
        device.analog(number, 20.0 + number)
    return device


def slow_reader(instance: int, **knobs: object) -> Device:
    """Takes a request for each property: it takes many to describe."""
    return box(instance, points=30, advertises_rpm=False, reads_multiple=False, **knobs)


def settings(here: Town, **changes: object) -> Settings:
    usual: Settings = {
        "address": f"127.0.0.1:{free_udp_port()}",
        "foreign": here.bbmd,
        "high": 999,
        "timeout_s": 0.5,
        "who_is_per_minute": 600,
        "rediscover_hours": 0,
    }
    return usual | changes


@asynccontextmanager
async def agent_of(state: Path, bacnet: Settings) -> AsyncIterator[RemoteFacility]:
    """The whole agent in this process, and what a screen sees of it."""
    config = Config.model_validate({"agent": {"state_dir": state}, "bacnet": bacnet, "history": {"enabled": False}})
    async with open_agent(config) as agent, RemoteFacility(config.socket) as facility:
        work = asyncio.create_task(agent.run())
        try:
            yield facility
            assert not work.done(), work.exception()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def has_read(facility: RemoteFacility, points: int) -> bool:
    return (await facility.overview()).points["read"] >= points


def most_in(window: float, times: Iterable[float]) -> int:
    """Most of them in any such stretch of time."""
    ordered = sorted(times)
    return max(sum(first <= at < first + window for at in ordered) for first in ordered)


def every(devices: Iterable[Device]) -> list[Asked]:
    return [asked for device in devices for asked in device.asked]


class WhoIsHeard:
    """When Who-Is came to the town."""

    def __init__(self, here: Town) -> None:
        self.times: list[float] = []
        self._onwards = here.hub.taken
        here.hub.taken = self._taken

    def _taken(self, function: int, content: bytes, sender: Address) -> None:
        if function == DISTRIBUTE and npdu_of(content).content[:2] == WHO_IS:
            self.times.append(asyncio.get_running_loop().time())
        self._onwards(function, content, sender)


async def test_networks_are_asked_no_faster_than_the_site_allows_and_everybody_no_oftener(tmp_path: Path) -> None:
    remote, local, outstanding, burst = 20, 40, 2, 0.1
    router = Router({11: {mac: slow_reader(10 + mac) for mac in range(1, 3)}})
    lan = [slow_reader(number) for number in range(1, 3)]  # all at once: more than discovery reads at a time would wait
    async with town(router, *lan) as here:
        heard = WhoIsHeard(here)
        bacnet = settings(
            here,
            high=99_999,
            requests_per_second=remote,
            local_requests_per_second=local,
            max_outstanding_per_network=outstanding,
            who_is_per_minute=60,
        )
        async with agent_of(tmp_path, bacnet):
            trunk = router.trunks[11].values()
            async with asyncio.timeout(30):
                while len(every(trunk)) < 2 * remote or len(every(lan)) < 2 * local or len(heard.times) < 3:
                    await asyncio.sleep(0.01)
    # what was let go and was held up on this machine may arrive together with what came after
    assert most_in(WINDOW, (one.at for one in every(trunk))) <= remote * (WINDOW + burst) + outstanding + 1
    assert most_in(WINDOW, (one.at for one in every(lan))) <= local * (WINDOW + burst) + 4 * outstanding + 1
    assert heard.times[2] - heard.times[0] > 1.5  # twice a second, but for what the first was held up


async def test_the_building_is_looked_through_as_often_as_the_site_says(tmp_path: Path) -> None:
    async with town() as here:
        for hours, every in ((0, None), (2.5, timedelta(hours=2.5))):
            bacnet = settings(here, rediscover_hours=hours)
            config = Config.model_validate({"agent": {"state_dir": tmp_path}, "bacnet": bacnet})
            async with open_survey(config) as (survey, _):
                assert survey._every == every


@pytest.mark.parametrize("most", [1, 6])
async def test_a_network_gets_as_much_at_once_as_the_site_allows(tmp_path: Path, most: int) -> None:
    router = Router({11: {mac: slow_reader(10 + mac, delay=0.03) for mac in range(1, 9)}})
    async with town(router) as here:
        bacnet = settings(here, max_outstanding_per_network=most, requests_per_second=2_000)
        async with agent_of(tmp_path, bacnet), asyncio.timeout(30):
            while router.carried < 40:
                await asyncio.sleep(0.01)
        assert router.most == most


async def test_silence_is_waited_for_as_long_as_the_site_says(tmp_path: Path) -> None:
    device = box(7, delay=0.25)
    async with town(device) as here, agent_of(tmp_path, settings(here, timeout_s=5.0)) as facility:
        await until(lambda: has_read(facility, 3))
        assert len({one.body for one in device.asked[:3]}) == 3  # nothing was asked twice


async def test_what_the_site_says_of_a_device_is_kept_on_the_wire(tmp_path: Path) -> None:
    said, spared = box(7, points=12), box(8, points=12)
    said.objects[ANALOG_INPUT, 12][OBJECT_NAME] = raw_text(b"Z\x84hler", UTF8)
    overrules = [{"instance": 7, "rpm_limit": 3, "charset": "cp850"}]
    async with (
        town(said, spared) as here,
        agent_of(tmp_path, settings(here, passport=overrules)) as facility,
    ):
        await until(lambda: has_read(facility, 24))
        assert "Zähler" in {point.name for point in await facility.points()}
    assert said.most_asked() == 3
    assert spared.most_asked() > 3


async def test_a_changed_database_revision_has_the_device_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facility.survey.SETTLED_AFTER", timedelta(seconds=0.1))
    device, other = box(7), box(8)
    async with town(device, other) as here, agent_of(tmp_path, settings(here)) as facility:
        await until(lambda: has_read(facility, 6))

        async def done() -> bool:
            return not (await facility.discover(start=False)).running

        await until(done)
        asked = len(other.asked)
        device.analog(9, 29.0)
        device.revision += 1
        device.announce()
        await until(lambda: has_read(facility, 7))
        assert {point.name for point in await facility.points() if point.name == "AI 9"}
        assert not any(w.object_type == DEVICE for one in other.asked[asked:] for w in one.wanted)  # nobody else was


def is_genuine(device: Device, asked: Asked) -> bool:
    """A refusal of what the device does not have, which nothing can be learned of but by asking."""
    if asked.service != READ or asked.outcome != "error":
        return False
    (wanted,) = asked.wanted
    own = device.own() if wanted.object_type == DEVICE else device.objects[wanted.object_type, wanted.instance]
    return wanted.name not in own


async def test_what_the_agent_learned_survives_its_end_and_no_request_fails_again(tmp_path: Path) -> None:
    rejects_rpm, small, crowded = (
        box(1, reads_multiple=False),
        box(2, points=20, most_at_once=4),
        box(3, points=6, advertises_cov=True, cov_room=2),
    )
    devices = [rejects_rpm, small, crowded]
    points = sum(len(device.objects) for device in devices)
    async with town(*devices) as here:
        config = tmp_path / "facility.toml"
        lines = [f"{key} = {value!r}" for key, value in settings(here).items()]
        config.write_text("\n".join(["[bacnet]", *lines, "[history]", "enabled = false\n"]))
        async with agent_process(tmp_path / "state", {}, config) as agent:
            await _started(agent, crowded, points)
            failed = {device.instance for device in devices if any(one.failed for one in device.asked)}
            assert failed == {1, 2, 3}
            assert await agent.stop() == 0
        for device in devices:
            device.asked.clear()
            device.revision += 1  # all of it has to be read again
        async with agent_process(tmp_path / "state", {}, config) as agent:
            await _started(agent, crowded, points)
            before = {device: len(device.asked) for device in devices}
            await agent.facility.discover()

            async def looked() -> bool:
                state = await agent.facility.discover(start=False)
                return not state.running and all(len(device.asked) > before[device] for device in devices)

            await until(looked)
            assert await agent.stop() == 0
            assert agent.errors() == []
        again = {
            device.instance: [(one.service, one.outcome, one.wanted) for one in device.asked if one.failed]
            for device in devices
            if any(one.failed and not is_genuine(device, one) for one in device.asked)
        }
        assert again == {}
        assert not [one for one in rejects_rpm.asked if len(one.wanted) > 1]


async def _started(agent: AgentProcess, crowded: Device, points: int) -> None:
    await agent.start(points=points)

    async def subscribed() -> bool:
        return len(crowded.subscriptions) == 2 and len(crowded.requests(SUBSCRIBE)) >= 2

    await until(subscribed)


def test_the_agent_runs_on_the_fastest_event_loop_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ran_on: list[str] = []

    async def remembered(_settings: object, *, with_parent: bool) -> None:
        del with_parent
        ran_on.append(type(asyncio.get_running_loop()).__module__)

    monkeypatch.setattr(running, "_run", remembered)
    monkeypatch.setattr(running, "set_up", lambda _level: None)
    monkeypatch.setattr(running.os, "umask", lambda _mask: 0)
    running.run()
    assert ran_on == ["uvloop"]
