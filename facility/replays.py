"""`facility replay`: a recorded day decided again, by the policies of that day or by changed ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import TypeAdapter, ValidationError

from facility.config.errors import ConfigError
from facility.config.loading import load_text
from facility.config.merging import merged
from facility.config.model import Config
from facility.flight.frames import Start
from facility.flight.replay import By, Replay, Replayed
from facility.flight.tape import Tape
from facility.rehearsal.model import Difference, difference
from facility.strategy import Strategy
from schedules.calendar import SpecialEvent

_EVENTS = TypeAdapter(dict[str, list[SpecialEvent]])

SECRETS = frozenset({"password", "client_secret"})
"""Keys that are stars on record and of no use to a policy: those that no file may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The day as it was, and what changes would have made of it."""

    as_it_was: Replayed
    changed: Replayed | None
    apart: Difference
    damaged: int  # lines of the record that could not be read
    zone: str  # in which that day's programmes were


def replayed(folder: Path, day: date, changes: str = "", progress: Callable[[datetime], None] | None = None) -> Told:
    """Decides that day again. Raises `NotRecorded`, or `ConfigError` for changes that cannot be."""
    tape = Tape(folder)
    was, zone = _run(tape, day, "", progress)
    damaged = tape.damaged
    if not changes.strip():
        return Told(as_it_was=was, changed=None, apart=Difference(new=(), gone=()), damaged=damaged, zone=zone)
    would, _ = _run(tape, day, changes, progress)
    apart = difference(was.writes, would.writes)
    return Told(as_it_was=was, changed=would, apart=apart, damaged=damaged, zone=zone)


def _run(tape: Tape, day: date, changes: str, progress: Callable[[datetime], None] | None) -> tuple[Replayed, str]:
    """What came of it, and the zone it was in at its end."""
    zone = "UTC"

    def deciding(start: Start) -> By:
        nonlocal zone
        by = _by(start, changes)
        zone = by.zone.key
        return by

    replay = Replay(deciding, tape.catalog)
    for at in replay.run(tape.frames(day)):
        if progress is not None:
            progress(at)
    return replay.found, zone


def _by(start: Start, changes: str) -> By:
    """The policies in force from there on, and which of them the changes make others."""
    was = _strategy(_text(start.config), start, "the configuration of that day")
    if not changes.strip():
        return By(zone=was.zone, policies=tuple(was.policies), changed=frozenset())
    would = _strategy(merged(_text(start.config), changes), start, "the configuration of that day with the changes")
    before = {policy.name: policy for policy in was.policies}
    changed = frozenset(policy.name for policy in would.policies if before.get(policy.name) != policy)
    return By(zone=would.zone, policies=tuple(would.policies), changed=changed)


def _strategy(text: str, start: Start, where: str) -> Strategy:
    config: Config = load_text(text, where, alone=True)
    strategy = Strategy(config, start.at.astimezone(config.site.tz).date())
    try:
        strategy.announce(_EVENTS.validate_python(start.events))
    except ValidationError as error:
        raise ConfigError(f"The special events of that day cannot be read: {error.error_count()} errors") from None
    return strategy


def _text(config: Mapping[str, Any]) -> str:
    """The recorded configuration as TOML: without what was not said, and without secrets."""
    return tomlkit.dumps(_said(config))


def _said(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _said(each) for key, each in value.items() if each is not None and key not in SECRETS}
    if isinstance(value, list):
        return [_said(each) for each in value]
    return value
