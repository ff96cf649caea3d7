"""A configuration comes into force while the agent runs: validated whole, swapped at once, on record key by key.

- Only what was rehearsed and shown to the person who saves it, within the hour, and while nothing else has changed.
- Only programmes, calendars, holidays and policies. Whatever else would be another needs a restart, and is refused, so
  that the file and what runs never say different things.
- On record first, then on disk (with its comments, in one step), then in force. What the file says already, because
  somebody has edited it by hand, is not written again.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

from facility.audit import Audit, AuditUnavailable
from facility.audit.configuration import note_configuration
from facility.config.difference import differences
from facility.config.errors import ConfigError
from facility.config.loading import load_text
from facility.config.merging import merged
from facility.config.sources import text_of
from facility.database import StateDatabase
from facility.guard import REASON_LENGTH
from facility.port import FacilityError
from facility.rehearsals import Draft, Rehearsals
from facility.strategy import Strategy
from facility.users import User
from facility.wire import AppliedInfo
from points.errors import PointsError

HOT = frozenset({"holidays", "calendars", "programmes", "policies"})
"""The sections that can come into force without a restart."""


class Reloading:
    """The configuration in force, and how another one takes its place."""

    def __init__(
        self,
        *,
        strategy: Strategy,
        audit: Audit,
        db: StateDatabase,
        today: Callable[[], date],
        wake: Callable[[], None],
    ) -> None:
        """`strategy`: that of the configuration in force. `wake`: has the planner look at it again."""
        self._source = strategy.config.source
        self._strategy = strategy
        self._audit = audit
        self._db = db
        self._today = today
        self._wake = wake
        self._one_at_a_time = asyncio.Lock()

    def drafted(self, changes: str) -> Draft:
        """The file as it says now, with the changes laid over it, and what that means. Raises `ConfigError`."""
        if self._source is None:
            raise ConfigError("The agent was started without a configuration file: there is nothing to change.")
        base = text = text_of(self._source)
        where = str(self._source)
        if changes.strip():
            text, where = merged(text, changes), f"{where} with the changes"
        config = load_text(text, where)
        old, new = (each.model_dump(mode="json") for each in (self._strategy.config, config))
        cold = sorted(key for key in new if key not in HOT and differences({key: old[key]}, {key: new[key]}))
        if cold:
            names = ", ".join(f"[{key}]" for key in cold)
            raise ConfigError(f"{where}: {names} would be others: that needs a restart of the agent, not a rehearsal.")
        return Draft(base=base, text=text, config=config)

    async def apply(self, user: User, rehearsals: Rehearsals, identity: str, reason: str) -> AppliedInfo:
        """Brings what was rehearsed into force. Raises `FacilityError`, and then nothing has changed."""
        async with self._one_at_a_time:
            return await self._apply(user, rehearsals, identity, reason)

    async def _apply(self, user: User, rehearsals: Rehearsals, identity: str, reason: str) -> AppliedInfo:
        made = rehearsals.of(identity)
        if why := rehearsals.why_not_saved(made, user):
            raise FacilityError("not-allowed", why)
        if len(reason.strip()) < REASON_LENGTH:
            raise FacilityError("bad-wish", f"A change needs a reason of {REASON_LENGTH} characters or more.")
        draft = made.draft
        assert draft is not None
        assert self._source is not None
        before = self._written(self._source, draft)
        keys = f"rehearsal {identity}: {len(made.changes)} keys change"
        try:
            await asyncio.to_thread(load_text, draft.text, str(self._source))  # the environment may have changed since
            await self._on_record(user, reason, keys)
        except (AuditUnavailable, ConfigError) as error:
            raise FacilityError("bad-wish", f"Nothing has changed: {error}") from None
        try:
            before = self._written(self._source, draft)  # still
            if before != draft.text:
                replace_file(self._source, draft.text)
        except (FacilityError, OSError) as error:
            with suppress(AuditUnavailable):
                await self._on_record(user, reason, f"rehearsal {identity}: failed, nothing has changed: {error}")
            raise FacilityError("bad-wish", f"Nothing has changed: {error}") from None
        self._strategy.take(draft.config, self._today())
        self._wake()
        await self._note()
        return AppliedInfo(changes=list(made.changes), written=str(self._source) if before != draft.text else "")

    async def _on_record(self, user: User, reason: str, result: str) -> None:
        await self._audit.note(
            by=user.by, action="apply configuration", target=str(self._source), reason=reason.strip(), result=result
        )

    async def _note(self) -> None:
        """Key by key; what cannot be noted now is noted at the next start, which compares again."""
        try:
            await note_configuration(self._audit, self._db, self._strategy.config)
        except PointsError:
            return

    def _written(self, source: Path, draft: Draft) -> str:
        """What the file says now; it must be what the rehearsal was made from, or what it was to become."""
        try:
            now = text_of(source)
        except ConfigError as error:
            raise FacilityError("stale-plan", str(error)) from None
        if now not in (draft.base, draft.text):
            raise FacilityError("stale-plan", f"{source} has been edited since the rehearsal; rehearse it again.")
        return now


def replace_file(path: Path, text: str) -> None:
    """Whole or not at all; with the permissions that it had, and where a link to it points.

    Raises OSError, also for a file that may only be read: who made it so did not mean it to be replaced.
    """
    path = path.resolve()
    mode = path.stat().st_mode & 0o7777
    if not mode & 0o200 or not os.access(path, os.W_OK):
        raise PermissionError(f"{path} may only be read; change it by hand, then `facility reload`.")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:  # line ends as they are
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
