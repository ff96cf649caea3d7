"""A whole agent, its socket and its audit: who came, what was configured, and an old copy that was put back."""

import asyncio
import os
import pwd
import shutil
from contextlib import asynccontextmanager

import aiohttp
import pytest

from facility.agent import open_agent
from facility.audit.keys import KeyUnusable
from facility.client import RemoteFacility
from facility.config.model import Config
from facility.port import FacilityError


def config_of(state, anchors, **changes):
    bacnet = {"address": "127.0.0.1/24:0", "rediscover_hours": 0, "sweep_minutes": 0}
    return Config.model_validate(
        {
            "agent": {"state_dir": state},
            "audit": {"anchor_file": anchors},
            "bacnet": bacnet,
            "history": {"enabled": False},
            **changes,
        }
    )


@asynccontextmanager
async def running(config):
    async with open_agent(config) as agent, RemoteFacility(config.socket) as facility:
        work = asyncio.create_task(agent.run())
        try:
            async with asyncio.timeout(30):
                while True:
                    try:
                        await facility.hello()
                        break
                    except FacilityError:
                        await asyncio.sleep(0.02)
            yield facility
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def metrics(state):
    """How the agent answers a scraper."""
    connector = aiohttp.UnixConnector(path=str(state / "agent.sock"))
    async with aiohttp.ClientSession(connector=connector) as session, session.get("http://agent/metrics") as answer:
        return answer.status


async def test_what_an_agent_does_is_on_record_and_an_old_copy_of_it_is_found_out(tmp_path):
    state, anchors = tmp_path / "state", tmp_path / "elsewhere" / "anchors.jsonl"
    async with running(config_of(state, anchors)) as facility:
        async with facility.watch() as updates:
            await anext(updates)
        async with asyncio.timeout(30):
            while "logout" not in (did := [record.action for record in await facility.audit()]):
                await asyncio.sleep(0.02)
        assert {"start", "configure", "login", "logout"} <= set(did)
        login = next(record for record in await facility.audit() if record.action == "login")
        assert login.role == "engineer"
        assert login.origin.startswith("socket uid ")
        checked = await facility.audit_check()
        assert (checked.faults, checked.entries >= 4, checked.anchors >= 1) == ([], True, True)
        page = await facility.audit_page()
        assert (page.is_last, len(page.lines) > checked.entries) == (True, True)
        assert await metrics(state) == 200
    shutil.copytree(state, tmp_path / "copy")
    me = pwd.getpwuid(os.getuid()).pw_name
    async with running(config_of(state, anchors, site={"name": "St Mary"}, users={me: "auditor"})) as facility:
        assert await metrics(state) == 403  # they say what the building is like
        (changed,) = [record for record in await facility.audit() if record.target == "site.name"]
        assert (changed.found, changed.value) == ('"My hospital"', '"St Mary"')
    async with running(config_of(tmp_path / "copy", anchors)) as facility:
        async with asyncio.timeout(30):
            while (
                link := next(each for each in (await facility.overview()).links if each.name == "audit")
            ).state == "ok":
                await asyncio.sleep(0.05)
        assert link.text.startswith("not as it was anchored: entry ")
        assert [fault for fault in (await facility.audit_check()).faults if "was anchored at" in fault.text]


async def test_an_agent_does_not_start_with_a_key_that_others_can_read(tmp_path):
    config = config_of(tmp_path, tmp_path / "anchors")
    (tmp_path / "audit.key").write_text("00" * 32)
    (tmp_path / "audit.key").chmod(0o644)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        async with open_agent(config):
            pass
