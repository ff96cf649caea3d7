"""Between hosts, with real broadcasts: three hosts on one network and one on another, each a network namespace.

Two of them are rusty-bacnet devices, one of which is the network's BBMD. All have BACnet's own port and the
broadcast address of their network, as on a site.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

HOST = Path(__file__).parent / "host.py"
ROOT = Path(__file__).parents[2]
PLANT, OFFICE = "10.199.1", "10.199.2"  # two networks of 254 hosts
PATIENCE = 90.0  # seconds; the agent's process gives up before
FOUND = {"20": f"{PLANT}.20:47808", "21": f"{PLANT}.21:47808"}


@dataclass(frozen=True, slots=True)
class Network:
    """Namespaces by role, and processes inside them."""

    prefix: str

    def name(self, role: str) -> str:
        return f"{self.prefix}-{role}"

    def inside(self, role: str, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name(role), sys.executable, str(HOST), *words]

    def agent(self, role: str, *words: str) -> dict[str, object]:
        """What an agent on that host finds and is told."""
        done = subprocess.run(  # noqa: PLW1510 - what it said is shown below
            self.inside(role, "agent", *words), env=_environment(), capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    @contextmanager
    def device(self, role: str, *words: str) -> Iterator[None]:
        started = subprocess.Popen(self.inside(role, "device", *words), env=_environment(), stdout=subprocess.PIPE)
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == b"ready\n"
            yield
        finally:
            started.terminate()
            started.wait(10)
            started.stdout.close()


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    if lacking := [tool for tool in ("ip", "sysctl") if shutil.which(tool) is None]:
        _cannot(f"no {' and no '.join(lacking)} here (packages iproute2 and procps)")
    built = Network(f"fca{os.getpid()}")
    if refused := _refused(built.name("agent")):
        _cannot(f"this user may not make network namespaces ({refused})")
    hosts = {"agent": f"{PLANT}.10", "bbmd": f"{PLANT}.20", "box": f"{PLANT}.21"}
    with ExitStack() as stack:
        for role in ("router", "office", *hosts):
            _ip("netns", "add", built.name(role))
            stack.callback(_ip, "netns", "del", built.name(role))
            _ip("-n", built.name(role), "link", "set", "lo", "up")
        router = built.name("router")
        _ip("-n", router, "link", "add", "plant", "type", "bridge")
        _up(router, "plant", f"{PLANT}.1")
        for role, address in hosts.items():
            _ip("-n", router, "link", "add", role, "type", "veth", "peer", "name", "eth0", "netns", built.name(role))
            _ip("-n", router, "link", "set", role, "master", "plant", "up")
            _up(built.name(role), "eth0", address)
            _ip("-n", built.name(role), "route", "add", "default", "via", f"{PLANT}.1")
        office = built.name("office")
        _ip("-n", router, "link", "add", "office", "type", "veth", "peer", "name", "eth0", "netns", office)
        _up(router, "office", f"{OFFICE}.1")
        _up(office, "eth0", f"{OFFICE}.10")
        _ip("-n", office, "route", "add", "default", "via", f"{OFFICE}.1")
        _ip("netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        stack.enter_context(built.device("bbmd", "20", f"{PLANT}.20", f"{PLANT}.255", "bbmd"))
        stack.enter_context(built.device("box", "21", f"{PLANT}.21", f"{PLANT}.255"))
        yield built


def test_hosts_of_one_network_are_found_by_broadcast_and_tell_their_changes(network: Network) -> None:
    learned = network.agent("agent", f"{PLANT}.10/24:47808", "2")
    assert learned["devices"] == FOUND
    changes = learned["changes"]
    assert isinstance(changes, dict)
    assert len(changes) == 2
    assert min(changes.values()) >= 3
    assert learned["errors"] == {}


def test_a_host_of_another_network_is_served_by_the_bbmd(network: Network) -> None:
    learned = network.agent("office", f"{OFFICE}.10/24:47808", "2", f"{PLANT}.20:47808")
    assert learned["devices"] == FOUND
    changes = learned["changes"]
    assert isinstance(changes, dict)
    assert len(changes) == 2
    assert min(changes.values()) >= 3


def test_without_the_bbmd_nobody_of_the_other_network_is_found(network: Network) -> None:
    assert network.agent("office", f"{OFFICE}.10/24:47808", "0")["devices"] == {}


def _cannot(why: str) -> NoReturn:
    """Skips on a developer's machine; where everything has to be tested, fails."""
    sentence = f"{why}: broadcasts between hosts are not tested on this machine"
    if os.environ.get("FACILITY_CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def _refused(namespace: str) -> str:
    """Makes a namespace and takes it away again; says what forbids that, if anything does."""
    tried = ["ip", "netns", "add", namespace], ["ip", "netns", "exec", namespace, "true"]
    done = [subprocess.run(words, capture_output=True, text=True, check=False) for words in tried]
    subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
    return next((each.stderr.strip() or "no reason given" for each in done if each.returncode), "")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def _up(namespace: str, link: str, address: str) -> None:
    _ip("-n", namespace, "address", "add", f"{address}/24", "broadcast", "+", "dev", link)
    _ip("-n", namespace, "link", "set", link, "up")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
