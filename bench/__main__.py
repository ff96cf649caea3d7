"""Everything that is compared, in one run: `python -m bench [--only rpm] [--rounds 5] [--quick]`.

The same devices and the same requests for all clients, one client at a time, all of them in turn in each round; figures
are medians of the rounds. A whole run writes bench/results/latest.json, docs/benchmarks.md and its picture; a part of
one (--only, --quick) is printed and kept beside it. Nobody is pinned to a core and nobody's priority is changed.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bench import compare, document, machine, notifications, reads
from bench.contenders import (
    BAC0,
    BACPYPES3,
    CLIENTS,
    FACILITY,
    RAW,
    Failed,
    available,
)
from bench.contenders import (
    run as run_client,
)
from bench.figures import Run
from bench.fleet import Farm, Job, farm, rusty
from points.discovery.objects import asks

PARTS = ("rpm", "cov", "latency", "poll", "discovery", "writes", "planning")
ANSWER_MS = 10.0  # of a device in a building: a controller on Ethernet; a trunk takes longer
SITE_DEVICES, SITE_OBJECTS = 500, 100
PLAIN_DEVICES = 10  # of the same devices, for a client that reads one property after another
OTHERS_DEVICES = 50  # of the same devices, for clients that would take minutes for all
BUSY = 0.7  # load average before the run
FORGIVEN = 2  # rounds in which a client failed, and it is left out of the case
_KINDS = ("analog-input", "analog-value", "binary-input", "binary-value", "multi-state-input")


class Bench:
    def __init__(self, run: Run, *, rounds: int, seconds: float) -> None:
        self._run = run
        self._rounds = rounds
        self._seconds = seconds
        self._failed: Counter[tuple[str, str]] = Counter()

    def rpm(self) -> None:
        """Unchanged values from rusty-bacnet servers; they cannot change them all each time, so that is the farm's."""
        with farm(reads.DEVICES) as devices, rusty(reads.DEVICES, reads.VALUES) as real:
            for _ in range(self._rounds):
                devices.ask(do="changing", share=1.0)
                self._reads("rpm-changing", devices.job(reads.DEVICES), changing=True)
                devices.ask(do="changing", share=0.0)
                self._reads("rpm-unchanged", real, changing=False)
                self._reads(compare.ON_FARM, devices.job(reads.DEVICES), changing=False)

    def _reads(self, case: str, job: dict[str, object], *, changing: bool) -> None:
        for client in self._able(case, CLIENTS):
            with self._forgiving(case, client):
                rate = reads.rate(client, job, seconds=self._seconds, changing=changing)
                self._run.add(case, client, rate.per_second)
                print(f"{'':24} {'':18} {rate.cpu:14.2f} cores")

    def cov(self) -> None:
        with farm(notifications.DEVICES) as devices:
            found: dict[str, float] = {}
            for _ in range(self._rounds):
                for client in self._able("cov-ingest", CLIENTS):
                    with self._forgiving("cov-ingest", client):
                        start, stride = (found[client], 2) if client in found else (1000.0, 4)
                        rate = notifications.highest_rate(client, devices, seconds=1.0, start=start, stride=stride)
                        found[client] = max(rate, notifications.LOWEST)
                        self._run.add("cov-ingest", client, rate)

    def latency(self) -> None:
        with farm(notifications.LATENCY_DEVICES) as devices:
            for _ in range(self._rounds):
                for client in self._able("cov-latency-p99", CLIENTS):
                    with self._forgiving("cov-latency-p99", client):
                        late = notifications.latency(client, devices, seconds=self._seconds * 2)
                        if late == float("inf"):
                            raise Failed("more than one in a hundred notifications was lost")
                        self._run.add("cov-latency-p99", client, late * 1000)

    def poll(self) -> None:
        """The whole agent; there is nothing to compare it with."""
        from bench import poll50k  # noqa: PLC0415 (it imports the whole agent)

        try:
            found = asyncio.run(poll50k.measure())
        except (SystemExit, OSError, TimeoutError) as error:  # whatever it is, the other cases are measured
            self._run.note(f"poll-50k was not measured: {error}.")
            return
        self._run.add("poll-50k-cpu", FACILITY, found["cpu_percent"])
        self._run.add("poll-50k-rss", FACILITY, found["peak_mb"])
        self._run.note(
            f"poll-50k, all of the agent, once: {found['readings_per_s']:,.0f} readings and "
            f"{found['history_rows_per_s']:,.0f} history rows a second, {found['watcher_values_per_s']:,.0f} values "
            f"a second to the watcher; {found['good']:,.0f} of {found['total']:,.0f} points good at the end; memory "
            "is the peak."
        )

    def writes(self) -> None:
        """The command desk beside the plain stack; there is nothing else to compare it with."""
        from bench import writes  # noqa: PLC0415 (it imports what acts of the agent)

        for case, answer_ms in (("writes", ANSWER_MS), ("writes-at-once", 0.0)):
            found = asyncio.run(writes.measure(rounds=self._rounds, answer_s=answer_ms / 1000))
            self._run.add(case, FACILITY, found["ratio"])
            self._run.note(
                f"{case}: {writes.DEVICES * writes.EACH} writes on devices that answer after {answer_ms:.0f} ms took "
                f"{found['desk_s']:.1f} s; their {found['round_trips']:.1f} round trips each, and nothing else, "
                f"{found['raw_s']:.1f} s. The oldest critical point was {found['age_with_writes_s']:.1f} s old, "
                f"{found['age_alone_s']:.1f} s without writes; {found['deadline_s']:.0f} s are allowed."
            )

    def planning(self) -> None:
        """The planner and a rehearsal of its week; there is nothing to compare them with."""
        from bench import planning  # noqa: PLC0415 (it imports what decides of the agent)

        found = asyncio.run(planning.measure())
        for case in ("planning-bind", "planning-everybody", "planning-few", "planning-nobody", "planning-minute"):
            self._run.add(case, FACILITY, found[case])
        self._run.add("rehearsal-week", FACILITY, found["rehearsal_s"])
        self._run.add("rehearsal-stall", FACILITY, found["rehearsal_stall_ms"])
        self._run.note(
            f"planning: {found['policies']:,.0f} policies over {found['points']:,.0f} points, of which "
            f"{planning.FEW} are asked for planning-few; {found['strategy_s']:.1f} s to make them of their "
            f"configuration. The week that was rehearsed has {found['rehearsal_writes']:,.0f} writes; memory was "
            f"{found['peak_mb']:,.0f} MB at its peak. Milliseconds are of a core: rehearsal-stall is the most that was "
            f"done before somebody else had a turn; on this machine, with all else that ran, that was "
            f"{found['rehearsal_stall_wall_ms']:,.0f} ms."
        )

    def discovery(self) -> None:
        """Ours finds the whole site with its own budgets and its search counts; of the others only the reading does."""
        with farm(SITE_DEVICES, "--objects", str(SITE_OBJECTS)) as devices:
            for _ in range(self._rounds):
                for client in self._able("discovery", (FACILITY, BACPYPES3, BAC0)):
                    with self._forgiving("discovery", client):
                        self._run.add("discovery", client, self._described(client, devices, tuned=client != BACPYPES3))
                with self._forgiving(compare.TUNED, BACPYPES3):
                    self._run.add(compare.TUNED, BACPYPES3, self._described(BACPYPES3, devices, tuned=True))

    def _described(self, client: str, devices: Farm, *, tuned: bool) -> float:
        count = SITE_DEVICES if client == FACILITY else OTHERS_DEVICES if tuned else PLAIN_DEVICES
        first = devices.job(1)["instances"][0]
        job = {
            "port": devices.job(0)["port"],
            "door": devices.door,
            "low": first,
            "high": first + count - 1,
            "tuned": tuned,
            "parallel": 32,
            "at_once": 8,
            "properties": {kind: [property_.name for property_ in asks(kind, 1)] for kind in _KINDS},
        }
        answer = run_client(client, "discovery", job, timeout=240.0)
        if answer["devices"] != count or answer["objects"] != count * SITE_OBJECTS:
            raise Failed(f"found {answer['devices']} devices and {answer['objects']} objects")
        print(f"{'':24} {client:18} {count} devices in {answer['seconds']:.1f} s")
        if client == FACILITY:
            self._within_budget(answer)
        return float(answer["objects"]) / float(answer["seconds"])

    def _within_budget(self, told: Job) -> None:
        """What ours has sent, beside what its settings allow it: the page says so, and more is a failure."""
        seconds, who_is, requests = told["seconds"], told["who_is"], told["requests"]
        allowed = {"Who-Is": told["who_is_per_minute"] / 60, "requests": told["requests_per_second"]}
        if who_is > 1 + seconds * allowed["Who-Is"] or requests > seconds * allowed["requests"] * 1.1:
            raise Failed(f"discovery sent {who_is} Who-Is and {requests} requests in {seconds:.1f} s")
        self._run.note(
            f"discovery: {who_is} Who-Is and {requests} requests in {seconds:.1f} s; its budget allows "
            f"{allowed['Who-Is']:.0f} and {allowed['requests']:.0f} a second."
        )

    def _able(self, case: str, clients: tuple[str, ...]) -> list[str]:
        left_out = RAW if case == "cov-latency-p99" else ""
        return [client for client in clients if client != left_out and self._failed[case, client] < FORGIVEN]

    @contextmanager
    def _forgiving(self, case: str, client: str) -> Iterator[None]:
        """A client that fails costs nobody else anything, and the page says why it did."""
        if not available(client):
            self._failed[case, client] = FORGIVEN
            self._run.note(f"{client} is not installed: left out of {case}.")
            return
        try:
            yield
        except Failed as failed:
            self._failed[case, client] += 1
            self._run.note(f"{client} failed in a round of {case}: {failed}.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be given again")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each client's turn in a round")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that all of it works")
    arguments = parser.parse_args()
    whole = not arguments.only and not arguments.quick
    rounds, seconds = (1, 1.0) if arguments.quick else (arguments.rounds, arguments.seconds)
    run = Run(machine={"date": datetime.now(UTC).strftime("%d %B %Y"), **machine.described(), "rounds": str(rounds)})
    if float(run.machine["load before"]) > BUSY:
        run.note(
            f"The machine was busy with something else (load {run.machine['load before']}): these figures are poor."
        )
    bench = Bench(run, rounds=rounds, seconds=seconds)
    parts: dict[str, Callable[[], None]] = {
        "rpm": bench.rpm,
        "cov": bench.cov,
        "latency": bench.latency,
        "discovery": bench.discovery,
        "poll": bench.poll,
        "writes": bench.writes,
        "planning": bench.planning,
    }
    started = time.monotonic()
    for name, part in parts.items():
        if not arguments.only or name in arguments.only:
            part()
    run.machine["minutes"] = f"{(time.monotonic() - started) / 60:.0f}"
    print("", compare.all_figures(run), compare.against_targets(run), sep="\n\n")
    saved = run.save(whole=whole)
    if whole:
        document.write(run)
    print(f"\nWritten to {saved}.")


if __name__ == "__main__":
    main()
