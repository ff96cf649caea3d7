"""The clients by the names they have in the results, and how each is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.fleet import ROOT, Job

FACILITY, BACPYPES3, BAC0, RUSTY = "facility", "bacpypes3", "BAC0", "rusty-bacnet"
BACNET_JS, NODE_BACNET, RAW = "@bacnet-js/client", "node-bacnet", "raw"
CLIENTS = (FACILITY, BACPYPES3, BAC0, RUSTY, BACNET_JS, NODE_BACNET, RAW)

_MODULES = {FACILITY: "facility", BACPYPES3: "bacpypes", BAC0: "bac0", RUSTY: "rusty", RAW: "raw"}
_OTHER_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}


class Failed(Exception):
    """A client that could not do its case; the text says why."""


def available(client: str) -> bool:
    if client == BAC0:
        return _OTHER_PYTHON.exists()
    if client in (BACNET_JS, NODE_BACNET):
        return (ROOT / "bench" / "node" / "node_modules" / client).exists()
    return True


def argv(client: str, case: str, job: Job) -> list[str]:
    if client in (BACNET_JS, NODE_BACNET):
        return ["node", str(Path("bench") / "node" / "client.js"), client, case, json.dumps(job)]
    python = str(_OTHER_PYTHON) if client == BAC0 else sys.executable
    return [python, "-m", f"bench.clients.{_MODULES[client]}", case, json.dumps(job)]


def run(client: str, case: str, job: Job, *, timeout: float) -> dict[str, Any]:
    """What the client answers in the end."""
    try:
        done = subprocess.run(
            argv(client, case, job),
            cwd=ROOT,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"no answer within {timeout:g} s") from None
    if done.returncode or not done.stdout.strip():
        raise Failed(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}")
    return _answer(done.stdout.splitlines()[-1])


class Conversation:
    """A client in the case "cov", asked in turn."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def hear(self) -> dict[str, Any]:
        line = self._child.stdout.readline() if self._child.stdout else ""
        if not line:
            raise Failed("it ended")
        return _answer(line)

    def ask(self, word: str) -> dict[str, Any]:
        if self._child.stdin is None:
            raise Failed("it does not listen")
        try:
            self._child.stdin.write(f"{word}\n")
            self._child.stdin.flush()
        except OSError as error:
            raise Failed("it ended") from error
        return self.hear()


@contextmanager
def conversation(client: str, case: str, job: Job) -> Iterator[Conversation]:
    """A client that has subscribed to everything."""
    with subprocess.Popen(
        argv(client, case, job),
        cwd=ROOT,
        env=_ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        try:
            talk = Conversation(child)
            wanted = len(job["devices"]) * job["objects"]
            if (ready := talk.hear().get("ready")) != wanted:
                raise Failed(f"{ready} of {wanted} subscriptions")
            yield talk
        finally:
            child.kill()


def _answer(line: str) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        raise Failed(f"it said {line[:80]!r}") from None
    if "cannot" in answer:
        raise Failed(f"it has no {answer['cannot']}")
    return dict(answer)
