"""What happened in a headless demo, in figures, and whether every part really worked.

The figures come from the agent's own port, from its log, and from a fresh MQTT subscriber that
knows nothing of the agent.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import orjson

from facility.client import RemoteFacility
from facility.demo.processes import KeptAgent
from facility.mirror.probe import BrokerSilent, retained_states
from facility.mirror.settings import MirrorSettings
from facility.wire import DeviceInfo, Overview, PointInfo, Record

LEAST_DEVICES = 25
LEAST_POINTS = 900
LOG_LINES_SHOWN = 5


class Played(Protocol):
    """What the summary needs to know of the stage."""

    @property
    def agent(self) -> KeptAgent: ...
    @property
    def socket(self) -> Path: ...
    @property
    def log(self) -> Path: ...
    @property
    def mqtt_host(self) -> str: ...
    @property
    def mqtt_port(self) -> int: ...
    @property
    def mqtt_username(self) -> str | None: ...
    @property
    def mqtt_password(self) -> str | None: ...


@dataclass(slots=True)
class Summary:
    """Lines of figures, and what is wrong."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.wrong

    def add(self, what: str, figure: str, *, wrong: str | None = None) -> None:
        self.lines.append((what, figure))
        if wrong:
            self.wrong.append(wrong)


async def summarise(stage: Played) -> Summary:
    """Asks the agent, the broker and the log."""
    async with RemoteFacility(stage.socket) as facility:
        points, devices = await facility.points(), await facility.devices()
        overview, stats = await facility.overview(), await facility.stats()
        hello = await facility.hello()
        records = [record for record in await facility.audit(limit=1000) if record.time >= hello.started]
    mqtt = MirrorSettings(
        host=stage.mqtt_host,
        port=stage.mqtt_port,
        site=hello.site,
        agent=hello.agent,
        username=stage.mqtt_username,
        password=stage.mqtt_password,
        allow_insecure=True,
    )
    summary = Summary()
    _building(summary, points, devices)
    _readings(summary, overview, stats)
    _writes(summary, records)
    try:
        _mirror(summary, points, await retained_states(mqtt))
    except BrokerSilent as error:
        summary.add("MQTT", "no answer", wrong=str(error))
    lamps = ", ".join(f"{level} {lamp.standing} ({lamp.new} new)" for level, lamp in overview.lamps.items())
    summary.add("alarms", lamps)
    wrong = "the agent ended and was started again" if stage.agent.starts > 1 else None
    summary.add("agent", "ran through" if wrong is None else f"started {stage.agent.starts} times", wrong=wrong)
    summary.add("verdict", " · ".join([overview.verdict, *overview.reasons]))
    _log(summary, stage.log)
    return summary


def _building(summary: Summary, points: list[PointInfo], devices: list[DeviceInfo]) -> None:
    online = sum(device.status == "online" for device in devices)
    summary.add(
        "devices",
        f"{len(devices)} found, {online} online",
        wrong=None if len(devices) >= LEAST_DEVICES else f"fewer than {LEAST_DEVICES} devices were found",
    )
    summary.add(
        "points",
        f"{len(points)} found, {sum(p.access == 'commandable' for p in points)} may be commanded",
        wrong=None if len(points) >= LEAST_POINTS else f"fewer than {LEAST_POINTS} points were found",
    )
    classes = Counter(point.point_class for point in points)
    summary.add("by class", ", ".join(f"{name} {count}" for name, count in classes.most_common()))
    safety = Counter(point.safety for point in points)
    summary.add("by safety", ", ".join(f"{name} {count}" for name, count in safety.most_common()))


def _readings(summary: Summary, overview: Overview, stats: dict[str, float]) -> None:
    cov, polled = int(stats["readings_cov"]), int(stats["readings_poll"])
    wrong = None if cov and polled else "COV or polling gave no readings"
    summary.add("readings", f"{cov} by COV, {polled} by poll", wrong=wrong)
    unread = overview.points["total"] - overview.points["read"]
    summary.add(
        "quality",
        f"{overview.points['good']} good, {overview.points['unknown']} unknown, {unread} never read",
        wrong=f"{unread} points were never read" if unread else None,
    )
    rows = int(stats["history_rows"])
    summary.add("history", f"{rows} rows", wrong=None if rows else "no history was written")


def _writes(summary: Summary, records: list[Record]) -> None:
    held = [record for record in records if record.action == "hold" and record.by.startswith("policy:")]
    agreed = [record for record in held if record.result.startswith(("held", "outranked"))]
    wrong = "a schedule write was not read back as written" if len(agreed) < len(held) else None
    summary.add(
        "schedule writes",
        f"{len(held)} written, {len(agreed)} read back as written",
        wrong=wrong if held else "the schedules wrote nothing",
    )
    for record in agreed[:3]:
        summary.add("", f"{record.target} = {record.value} at {record.priority}: {record.result} ({record.reason})")
    for record in [record for record in held if record not in agreed][:3]:
        summary.add("", f"{record.target} = {record.value} at {record.priority}: {record.result}")


def _mirror(summary: Summary, points: list[PointInfo], retained: dict[str, bytes]) -> None:
    missing = [point.topic for point in points if point.present and point.topic not in retained]
    summary.add(
        "MQTT",
        f"{len(retained)} retained states for {len(points)} points",
        wrong=f"{len(missing)} points have no retained state, {missing[0]} first" if missing else None,
    )
    honest = sum(map(_is_honest, retained.values()))
    if honest < len(retained):
        summary.wrong.append(f"{len(retained) - honest} retained states lack value, time or quality")


def _is_honest(payload: bytes) -> bool:
    """Whether it says what, when, and how far it can be trusted."""
    try:
        state = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    return isinstance(state, dict) and state.keys() >= {"v", "t", "q"}


def _log(summary: Summary, log: Path) -> None:
    errors = [line for line in log.read_text(errors="replace").splitlines() if _is_error(line)]
    summary.add("log", f"{len(errors)} errors", wrong=f"the log has {len(errors)} errors" if errors else None)
    for line in errors[:LOG_LINES_SHOWN]:
        summary.add("", line[:200])


def _is_error(line: str) -> bool:
    """Our own lines say their level; anything else in the log (a trace, a library's print) is an error too."""
    try:
        return bool(orjson.loads(line)["level"] in ("error", "critical"))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return bool(line.strip())


def print_summary(summary: Summary) -> None:
    width = max(len(what) for what, _ in summary.lines)
    for what, figure in summary.lines:
        sys.stdout.write(f"{what:<{width}}  {figure}\n")
    for text in summary.wrong:
        sys.stdout.write(f"WRONG  {text}\n")
    sys.stdout.write("Every part worked.\n" if summary.ok else "Not every part worked.\n")
