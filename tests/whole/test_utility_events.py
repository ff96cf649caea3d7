"""Events of the utility and a whole agent: by the API, the command line and MQTT, through a kill and a restart."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from datetime import timedelta

import aiomqtt
from broker_process import HERE

from facility.client import RemoteFacility
from facility.port import FacilityError
from facility.wire import DemandNotice
from points.clock import SystemClock

CONFIG = """
[site]
id = "grid"
[bacnet]
address = "127.0.0.1/24:0"
rediscover_hours = 0
sweep_minutes = 0
[mqtt]
port = {mqtt}
[demand_response]
mqtt = true
[[policies]]
kind = "demand-response"
name = "office-response"
heating = "class:heating-setpoint"
cooling = "class:cooling-setpoint"
"""
ASKED, ANSWERED = "fac/v1/grid/main/in/demand-response", "fac/v1/grid/main/out/demand-response"


class Site:
    """A process of the agent, without any device."""

    def __init__(self, folder, broker):
        self.folder, self.config = folder, folder / "grid.toml"
        self.config.write_text(CONFIG.format(mqtt=broker.port))
        self.environment = {**os.environ, "FACILITY_AGENT__STATE_DIR": str(folder / "state")}
        self.facility = RemoteFacility(folder / "state" / "agent.sock")
        self.log = folder / "agent.log"

    async def __aenter__(self):
        with self.log.open("ab") as log:
            self.process = await self._facility("run", stdout=log, stderr=log)
        async with asyncio.timeout(30):
            while True:
                assert self.process.returncode is None, self.log.read_text()
                with contextlib.suppress(FacilityError):
                    links = {link.name: link.text for link in (await self.facility.overview()).links}
                    if "not connected" not in links["feeds"]:
                        return self
                await asyncio.sleep(0.05)

    async def __aexit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        await self.facility.__aexit__()

    async def says(self, *arguments):
        pipe = asyncio.subprocess.PIPE
        process = await self._facility(*arguments, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    async def _facility(self, *arguments, **streams):
        command = (sys.executable, "-m", "facility", *arguments, "--config", str(self.config))
        return await asyncio.create_subprocess_exec(*command, env=self.environment, **streams)


async def test_every_way_leads_to_the_same_events_which_outlive_the_agent(tmp_path, mosquitto):
    now = SystemClock().now()
    api = DemandNotice(id="by-api", level=1, start=now, duration_minutes=60)
    bus = {
        "id": "by-mqtt",
        "level": 2,
        "start": now.isoformat(),
        "duration_minutes": 60,
        "expires": (now + timedelta(minutes=10)).isoformat(),
    }
    site = Site(tmp_path, mosquitto)
    async with site:
        assert (await site.facility.demand_event(api)).result == "taken"
        code, said = await site.says("dr", "send", "3", "--for", "2h", "--id", "by-hand")
        assert (code, said) == (0, "by-hand taken\n")
        async with aiomqtt.Client(HERE, mosquitto.port) as utility, asyncio.timeout(30):
            await utility.subscribe(ANSWERED, qos=1)
            await utility.publish(ASKED, json.dumps(bus).encode(), qos=1)
            answer = json.loads((await anext(utility.messages)).payload)
        assert (answer["id"], answer["result"]) == ("by-mqtt", "taken")
    async with site:
        known = {event.id: (event.level, event.status) for event in await site.facility.demand_events()}
        assert known == {"by-api": (1, "active"), "by-hand": (3, "active"), "by-mqtt": (2, "active")}
        assert (await site.facility.cancel_demand_event("by-mqtt")).result == "cancelled"
        records = {record.target: record for record in reversed(await site.facility.audit(limit=50))}
        assert records["demand event by-hand"].result == "in force"
        assert records["demand event by-mqtt"].action == "cancel demand event"
    assert "Traceback" not in (log := site.log.read_text()), log
