"""An agent in virtual time that can be killed: it lives in a process of its own, and its hospital survives it.

`virtual_agent` gives a `Week`. `run_until` lets time pass; between two of them the process stands still at an instant,
so that `kill` ends it there, by SIGKILL, with everything that was under way. `restart` begins another process on the
same state folder; until then the hospital has lived on alone. `do` runs a function inside the process, on its agent.
"""

import multiprocessing
import os
import pickle
import signal
import traceback
from contextlib import contextmanager
from datetime import timedelta

from facility.accelerated.agent import COMMISSIONING, VirtualAgent
from facility.accelerated.hospital import VirtualHospital

SETTLING = timedelta(minutes=15)  # of the hospital alone, from the values that its points begin with
ALONE_STEP = 5.0
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["facility.accelerated.agent"])


class Died(Exception):
    """The process of the agent has ended where it was told to."""


@contextmanager
def virtual_agent(config, start, state_dir, *, seed=1, step=5.0, devices=None):
    """A week on the hospital, or on these of its devices, that begins at `start` in the zone of the site."""
    hospital = VirtualHospital(start - SETTLING, config.site.tz, seed=seed, devices=devices)
    hospital.until(start - COMMISSIONING, ALONE_STEP)
    week = Week(config, hospital, state_dir, step)
    week.begin(start)
    try:
        yield week
    finally:
        week.end()


class Week:
    def __init__(self, config, hospital, state_dir, step):
        self.config, self.state_dir, self.step = config, state_dir, step
        self.writes = []  # everything that has reached a device, from the first start on
        self.lives = 0
        self._hospital = pickle.dumps(hospital)
        self._process = None

    @property
    def now(self):
        """The instant that the hospital has reached."""
        return self.hospital.instant

    @property
    def hospital(self):
        """A copy of it, as it is now: what it has used, what its devices hold."""
        return pickle.loads(self._hospital)

    def begin(self, start):
        self.lives += 1
        self._pipe, far = _CONTEXT.Pipe()
        life = (self.config, self._hospital, self.state_dir, start, self.step)
        self._process = _CONTEXT.Process(target=_live, args=(far, *life))
        self._process.start()
        far.close()
        self.run_until(start)

    def run_until(self, instant, *, dies_at_write=None):
        """`dies_at_write`: of those from now on, when so many have reached their devices the process is killed.

        It has not been told by then that the device took the value. Raises `Died`.
        """
        self._ask("run", instant, dies_at_write)

    def do(self, function, *args):
        """What `function(agent, *args)` returns; a function of a module, and what can be pickled."""
        return self._ask("do", function, args)

    def kill(self):
        os.kill(self._process.pid, signal.SIGKILL)
        self._gone()

    def restart(self, after=timedelta(seconds=30)):
        """The next life, after the hospital has lived on alone for so long."""
        hospital = self.hospital
        hospital.until(hospital.instant + after, ALONE_STEP)
        self._hospital = pickle.dumps(hospital)
        self.begin(hospital.instant)

    def stop(self):
        """A clean end, as by SIGTERM: the policies let go."""
        self._ask("stop")
        self._gone()

    def end(self):
        if self._process is not None:
            self.kill()

    def _ask(self, *question):
        self._pipe.send(question)
        kind, answer, self._hospital, writes = self._pipe.recv()
        self.writes = writes
        if kind == "died":
            self._gone()
            raise Died
        if kind == "failed":
            raise AssertionError(answer)
        return answer

    def _gone(self):
        self._process.join()
        self._process.close()
        self._pipe.close()
        self._process = None


def _live(pipe, config, hospital, state_dir, start, step):
    written = _Count()
    agent = VirtualAgent(config, pickle.loads(hospital), state_dir, start=start, step=step, wrote=written.one_more)

    def tell(kind, answer=None):
        pipe.send((kind, answer, pickle.dumps(agent.hospital), agent.writes))

    def die():
        tell("died")
        os.kill(os.getpid(), signal.SIGKILL)

    written.at_last = die
    question = ("begin",)
    while question != ("stop",):
        match question := pipe.recv():
            case "run", instant, dies_at_write:
                written.left = dies_at_write
                work, args = agent.run_until, (instant,)
            case "do", function, args:
                work, args = function, (agent, *args)
            case ("stop",):
                work, args = agent.stop, ()
        try:
            tell("done", work(*args))
        except Exception:  # noqa: BLE001  it is raised where it was asked for
            tell("failed", traceback.format_exc())


class _Count:
    left = None
    at_last = None

    def one_more(self):
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.at_last()
