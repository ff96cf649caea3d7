"""The end of a headless demo: each thing that can be wrong makes it not ok."""

from types import SimpleNamespace

import orjson
import pytest
from manual_clock import NOON
from session_bench import CATALOG

from facility import views
from facility.demo import summary as module
from facility.demo.summary import print_summary, summarise
from facility.mirror.probe import BrokerSilent
from facility.wire import Hello, Lamp, Overview, Record

GOOD = orjson.dumps({"v": 1.0, "t": "2026-03-01T12:00:00Z", "q": "good"})
POINT = views.point_info(next(iter(CATALOG.points.values())), CATALOG, "", None)
DEVICE = views.device_found(next(iter(CATALOG.devices.values())), 40)


def written(**changes):
    fields = {
        "seq": 1,
        "time": NOON,
        "by": "policy:office",
        "action": "hold",
        "target": "a/b",
        "value": "21.0",
        "priority": 15,
        "reason": "office is occupied",
        "result": "held 21.0 in slot 15",
    }
    return Record(**(fields | changes))


class Demo:
    """An agent, a broker and a log in which every part worked, until a test says otherwise."""

    def __init__(self, folder):
        self.many = [POINT.model_copy(update={"id": f"a/p-{n}", "topic": f"t/{n}"}) for n in range(900)]
        self.machines = [DEVICE.model_copy(update={"id": f"d-{n}"}) for n in range(25)]
        self.retained = {point.topic: GOOD for point in self.many}
        self.counted = {"readings_cov": 5.0, "readings_poll": 9.0, "history_rows": 100.0}
        self.counts = {"total": 900, "read": 900, "good": 900, "unknown": 0}
        self.recorded = [written()]
        self.silent = False
        self.agent = SimpleNamespace(starts=1)
        self.socket, self.log = folder / "agent.sock", folder / "agent.log"
        self.mqtt_host, self.mqtt_port, self.mqtt_username, self.mqtt_password = "127.0.0.1", 1883, None, None
        self.log.write_bytes(b'{"level": "info", "event": "up"}\n\n{"level": "warning", "event": "slow"}\n')

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def points(self):
        return self.many

    async def devices(self):
        return self.machines

    async def stats(self):
        return self.counted

    async def hello(self):
        hello = {"site": "demo", "agent": "main", "version": "1", "zone": "UTC", "user": "me", "role": "viewer"}
        return Hello(site_name="Demo", pretend=True, started=NOON, **hello)

    async def audit(self, *, limit):
        assert limit == 1000
        return self.recorded

    async def overview(self):
        nothing = {key: [] for key in ("groups", "spaces", "holds", "upcoming", "policies", "links", "banners")}
        numbers = {"spaces_unknown": 0, "devices_online": 25, "devices_total": 25}
        lamps = {"LIFE": Lamp(new=0, standing=0), "CRIT": Lamp(new=1, standing=2)}
        points = self.counts
        return Overview(at=NOON, verdict="NOT OK", reasons=["OR-3"], lamps=lamps, points=points, **nothing, **numbers)

    async def states(self, settings):
        assert (settings.host, settings.site) == ("127.0.0.1", "demo")
        if self.silent:
            raise BrokerSilent("the broker at 127.0.0.1:1883 does not answer")
        return self.retained


@pytest.fixture
def demo(tmp_path, monkeypatch):
    demo = Demo(tmp_path)
    monkeypatch.setattr(module, "RemoteFacility", lambda socket: demo if socket == demo.socket else None)
    monkeypatch.setattr(module, "retained_states", demo.states)
    return demo


async def test_where_every_part_worked_it_says_so_in_figures(demo, capsys):
    summary = await summarise(demo)
    assert (summary.ok, summary.wrong) == (True, [])
    figures = dict(summary.lines)
    assert figures["devices"] == "25 found, 25 online"
    assert figures["readings"] == "5 by COV, 9 by poll"
    assert figures["schedule writes"] == "1 written, 1 read back as written"
    assert figures["MQTT"] == "900 retained states for 900 points"
    assert figures["alarms"] == "LIFE 0 (0 new), CRIT 2 (1 new)"
    assert figures["verdict"] == "NOT OK · OR-3"  # the building's trouble is not the demo's
    print_summary(summary)
    assert capsys.readouterr().out.endswith("Every part worked.\n")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (lambda demo: demo.machines.pop(), "fewer than 25 devices were found"),
        (lambda demo: demo.many.pop(), "fewer than 900 points were found"),
        (lambda demo: demo.counted.update(readings_cov=0.0), "COV or polling gave no readings"),
        (lambda demo: demo.counted.update(readings_poll=0.0), "COV or polling gave no readings"),
        (lambda demo: demo.counts.update(read=893), "7 points were never read"),
        (lambda demo: demo.counted.update(history_rows=0.0), "no history was written"),
        (lambda demo: demo.recorded.clear(), "the schedules wrote nothing"),
        (
            lambda demo: demo.recorded.append(written(result="mismatch: slot 15 is empty")),
            "a schedule write was not read back as written",
        ),
        (
            lambda demo: demo.recorded.append(written(result="")),
            "a schedule write was not read back as written",
        ),
        (lambda demo: demo.retained.pop("t/3"), "1 points have no retained state, t/3 first"),
        (lambda demo: setattr(demo, "silent", True), "the broker at 127.0.0.1:1883 does not answer"),
        (
            lambda demo: demo.retained.update({"t/3": b'{"v": 1}'}),
            "1 retained states lack value, time or quality",
        ),
        (
            lambda demo: demo.retained.update({"t/3": b"\xff{", "t/4": b"21.5"}),
            "2 retained states lack value, time or quality",
        ),
        (lambda demo: setattr(demo.agent, "starts", 2), "the agent ended and was started again"),
        (lambda demo: demo.log.write_bytes(b'{"level": "error", "event": "x"}\n'), "the log has 1 errors"),
        (lambda demo: demo.log.write_bytes(b"Traceback:\n  boom \xff\n"), "the log has 2 errors"),
        (lambda demo: demo.log.write_bytes(b'["no line of ours"]'), "the log has 1 errors"),
    ],
)
async def test_each_thing_that_can_be_wrong_makes_it_not_ok(demo, what, says, capsys):
    what(demo)
    summary = await summarise(demo)
    assert (summary.ok, summary.wrong) == (False, [says])
    print_summary(summary)
    assert capsys.readouterr().out.endswith(f"WRONG  {says}\nNot every part worked.\n")


async def test_what_people_wrote_and_what_was_before_the_start_is_not_the_schedules_work(demo):
    demo.recorded[:] = [
        written(by="user:me"),
        written(action="release"),
        written(time=NOON.replace(hour=11)),
    ]
    assert (await summarise(demo)).wrong == ["the schedules wrote nothing"]


async def test_a_schedule_that_is_outranked_was_read_back_as_written(demo):
    demo.recorded.append(written(result="outranked: slot 15 holds 21.0, but slot 8 wins"))
    assert (await summarise(demo)).ok


async def test_a_point_that_is_gone_needs_no_retained_state(demo):
    demo.many.append(POINT.model_copy(update={"id": "a/gone", "topic": "t/gone", "present": False}))
    assert (await summarise(demo)).ok
