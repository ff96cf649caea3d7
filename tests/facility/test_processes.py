"""Child processes that cannot outlive us, and an agent that is kept running."""

import asyncio
import os
import signal
import socket
import sys

import pytest

from facility.demo import processes
from facility.demo.processes import KeptAgent, free_port

CHILD = """#!/bin/sh
echo "up $*, stage $FACILITY_STAGE"
cat > /dev/null
echo "down"
"""


@pytest.fixture
def agent(tmp_path, monkeypatch):
    """A child that ends with its standard input, as the agent does."""
    child = tmp_path / "child"
    child.write_text(CHILD)
    child.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(child))
    monkeypatch.setattr(processes, "RESTART_AFTER_S", 0.0)
    return KeptAgent(["run", "--with-parent"], {"FACILITY_STAGE": "demo"}, tmp_path / "agent.log")


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def lines(agent):
    return agent._log.read_text().splitlines()


async def test_it_is_started_with_its_words_and_its_environment_and_ended_with_us(agent):
    async with agent.running() as kept:
        await until(lambda: lines(agent))
        assert (kept.starts, kept.pid > 0) == (1, True)
    assert lines(agent) == ["up -m facility run --with-parent, stage demo", "down"]
    with pytest.raises(ProcessLookupError):
        os.kill(agent.pid, 0)


async def test_it_is_started_again_when_it_ends_unasked(agent):
    async with agent.running():
        first = agent.pid
        await until(lambda: lines(agent))
        os.kill(first, signal.SIGKILL)
        await until(lambda: agent.starts == 2 and len(lines(agent)) == 2)
        assert agent.pid != first
    assert lines(agent)[-1] == "down"


async def test_one_that_does_not_end_is_killed(agent, tmp_path, monkeypatch):
    (tmp_path / "child").write_text("#!/bin/sh\necho up\nexec sleep 60\n")
    monkeypatch.setattr(processes, "END_WITHIN_S", 0.05)
    async with asyncio.timeout(30), agent.running():
        await until(lambda: lines(agent))
    with pytest.raises(ProcessLookupError):
        os.kill(agent.pid, 0)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_is_the_preferred_one_if_nobody_has_it(kind):
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        other = free_port(port, kind)
        assert other not in (0, port)
    assert free_port(port, kind) == port
