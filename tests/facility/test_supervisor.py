"""Services are kept running, patiently; what must be right is not."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from facility import supervisor
from facility.supervisor import Roll, supervise


class Waits:
    """A clock that notes how long was waited for, and lets it pass at once."""

    def __init__(self, most):
        self.waits = []
        self._most = most
        self.enough = asyncio.Event()

    async def sleep(self, seconds):
        self.waits.append(seconds)
        for _ in range(3):  # whatever is due comes first
            await asyncio.sleep(0)
        if len(self.waits) == self._most:
            self.enough.set()
            await asyncio.Event().wait()


class Service:
    name = "mirror"

    def __init__(self, run):
        self._run = run
        self.runs = 0

    async def run(self):
        self.runs += 1
        await self._run(self.runs)


class Lost(Exception):
    expected = True


def falling(error):
    async def run(_number):
        if error is not None:
            raise error

    return Service(run)


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch):
    monkeypatch.setattr(supervisor, "random", SimpleNamespace(uniform=lambda _low, _high: 1.0))


@asynccontextmanager
async def supervised(service, clock, roll):
    task = asyncio.create_task(supervise(service, clock, roll))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def waits_of(service, number, roll=None):
    clock = Waits(number)
    with capture_logs() as logs:
        async with supervised(service, clock, roll or Roll()), asyncio.timeout(30):
            await clock.enough.wait()
    return clock.waits, [line["log_level"] for line in logs]


async def test_the_wait_doubles_up_to_a_minute():
    waits, _ = await waits_of(falling(OSError("no route")), 9)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_after_it_has_held_out_the_wait_starts_over(monkeypatch):
    passed = iter([0.0, 1.0, 2.0, 3.0, 10.0, 131.0, 140.0, 141.0])
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: next(passed)))
    waits, _ = await waits_of(falling(OSError("no route")), 4)
    assert waits == [1, 2, 1, 2]


async def test_waits_differ_a_little_so_that_not_all_come_at_once(monkeypatch):
    asked = []
    monkeypatch.setattr(supervisor, "random", SimpleNamespace(uniform=lambda *span: asked.append(span) or 1.1))
    waits, _ = await waits_of(falling(OSError()), 2)
    assert (waits, set(asked)) == ([1.1, 2.2], {(0.8, 1.2)})


@pytest.mark.parametrize("error", [OSError("no route"), TimeoutError(), ConnectionError("gone"), Lost("broker")])
async def test_an_expected_trouble_is_one_warning_and_then_silence(error):
    _, levels = await waits_of(falling(error), 3)
    assert levels == ["warning", "debug", "debug"]


async def test_a_surprise_is_an_error_every_time():
    _, levels = await waits_of(falling(KeyError("x")), 2)
    assert levels == ["error", "error"]


async def test_a_service_that_ends_by_itself_is_run_again():
    service, roll = falling(None), Roll()
    _, levels = await waits_of(service, 3, roll)
    assert (service.runs, levels, roll.down) == (3, ["warning"] * 3, {"mirror": "it ended by itself"})


async def test_a_vital_service_is_not_survived():
    clock, roll, service = Waits(1), Roll(), falling(KeyError("claims"))
    with capture_logs() as logs, pytest.raises(KeyError):
        await asyncio.wait_for(supervise(service, clock, roll, vital=True), 30)
    assert (service.runs, clock.waits, [line["log_level"] for line in logs]) == (1, [], ["critical"])


async def test_cancelling_ends_it_without_a_word():
    async def lasts(_number):
        await asyncio.Event().wait()

    service, roll = Service(lasts), Roll()
    with capture_logs() as logs:
        async with supervised(service, Waits(1), roll) as task:
            while not service.runs:
                await asyncio.sleep(0)
        assert task.cancelled()
    assert (logs, roll.down) == ([], {})


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError("no route"), "no route"),
        (TimeoutError(), "TimeoutError"),
        (ExceptionGroup("unhandled errors in a TaskGroup", [ExceptionGroup("x", [ValueError("a bug")])]), "a bug"),
    ],
)
async def test_what_has_fallen_is_on_the_roll_with_a_reason_that_says_something(error, says):
    roll = Roll()
    await waits_of(falling(error), 1, roll)
    assert roll.down == {"mirror": says}


async def test_it_stands_again_only_after_it_has_run_for_a_while(monkeypatch):
    monkeypatch.setattr(supervisor, "SETTLED_S", 0.0)

    async def second_lasts(number):
        if number == 1:
            raise OSError("no route")
        assert roll.down  # it has only just begun
        await asyncio.Event().wait()

    service, roll, clock = Service(second_lasts), Roll(), Waits(99)
    async with supervised(service, clock, roll), asyncio.timeout(30):
        while service.runs < 2:
            await asyncio.sleep(0)
        assert roll.down == {"mirror": "no route"}
        while roll.down:
            await asyncio.sleep(0)


async def test_one_that_falls_at_once_never_stands_in_between(monkeypatch):
    monkeypatch.setattr(supervisor, "SETTLED_S", 0.0)
    roll = Roll()
    seen = []

    async def run(_number):
        seen.append(dict(roll.down))
        raise OSError("no route")

    await waits_of(Service(run), 4, roll)
    assert seen == [{}] + [{"mirror": "no route"}] * 3
