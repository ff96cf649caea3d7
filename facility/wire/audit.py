"""Lines of the audit, and what came of checking it."""

from __future__ import annotations

from datetime import datetime

from facility.wire.base import Wire


class Record(Wire):
    """A line of the audit."""

    seq: int
    time: datetime
    by: str
    action: str
    target: str
    value: str
    priority: int | None
    reason: str
    result: str
    role: str = ""  # in which that person acted
    origin: str = ""  # where he sat: "socket uid 1000 pid 4711"
    found: str = ""  # what stood there before
    rule: str = ""  # what allowed or refused it
    request: str = ""  # the command's id
    previous: str = ""  # the hash of the entry before it
    hash: str = ""


class AuditPage(Wire):
    """A part of the audit as anybody can check it; docs/audit.md says what the lines are."""

    lines: list[str]
    after: int  # up to this number it has been told; what comes next is asked for with it
    until: int  # and there it ends, whatever is appended meanwhile

    @property
    def is_last(self) -> bool:
        return self.after >= self.until


class AuditFault(Wire):
    """Something in the audit that is not as it was written; `seq` is the (first) entry it is about, 0: all of it."""

    seq: int
    text: str


class AuditCheck(Wire):
    """What came of checking the whole audit."""

    at: datetime
    entries: int
    last: int  # number of the last entry
    head: str  # its hash
    anchors: int  # that were made of it
    anchored: datetime | None  # when the latest of them was
    faults: list[AuditFault]
    remarks: list[str] = []  # what is odd and proves nothing

    @property
    def says(self) -> str:
        """`chain whole: 1,204 entries, 17 anchors`."""
        if not self.faults:
            odd = "".join(f"; but {remark}" for remark in self.remarks)
            return f"chain whole: {self.entries:,} entries, {self.anchors:,} anchors{odd}"
        more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        return f"NOT AS WRITTEN: {self.faults[0].text}{more}"
