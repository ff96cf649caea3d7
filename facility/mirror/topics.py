"""Where everything is on MQTT. Pure.

Every name made here fits the strictest brokers in use (AWS IoT Core: 7 slashes, 256 bytes; we stay below), and
every level of it comes from an id of `[a-z0-9-]{1,48}`: nothing that a device calls itself can widen a topic,
add a level or become a wildcard.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

ID = re.compile(r"[a-z0-9-]{1,48}")
LONGEST_ID = 48
MOST_LEVELS = 8
MOST_BYTES = 200
DIGEST = 8  # hex digits that tell shortened ids apart: 32 bits, among some hundred alarms


class BadTopic(ValueError):
    """The name cannot be a topic of ours; the text says which rule it breaks."""


def is_id(text: str) -> bool:
    return ID.fullmatch(text) is not None


def as_id(text: str) -> str:
    """`text` itself if it is an id, else an id made of it: always the same one, and different for different texts."""
    if is_id(text):
        return text
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST]
    return f"{slug[: LONGEST_ID - DIGEST - 1]}-{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The topic tree of one agent: `fac/v1/{site}/{agent}/...`."""

    site: str
    agent: str
    root: str = "fac/v1"

    def __post_init__(self) -> None:
        if not is_id(self.site):
            raise BadTopic(f"The site {self.site!r} must be 1 to 48 of a-z, 0-9 and '-'.")
        if not is_id(self.agent):
            raise BadTopic(f"The agent {self.agent!r} must be 1 to 48 of a-z, 0-9 and '-'.")
        levels = self.root.split("/")
        if not all(levels) or re.search(r"[+#$\x00]", self.root):
            raise BadTopic(f"The root {self.root!r} must be levels joined by '/', without '+', '#' and '$'.")
        self.state("device/point")  # the deepest topic there is: a root with too many levels fails here, at start

    @property
    def base(self) -> str:
        return f"{self.root}/{self.site}/{self.agent}"

    @property
    def status(self) -> str:
        return self._checked("status")

    def catalog(self, device: str, page: int = 1) -> str:
        """The first page is at the device itself, the others below it."""
        return self._checked("catalog", device) if page == 1 else self._checked("catalog", device, str(page))

    def state(self, point: str) -> str:
        device, _, name = point.partition("/")
        return self._checked("state", device, name)

    def alarm(self, alarm: str) -> str:
        return self._checked("alarm", as_id(alarm))

    @property
    def audit_head(self) -> str:
        return self._checked("audit", "head")

    def event(self, kind: str) -> str:
        return self._checked("event", kind)

    def _checked(self, branch: str, *ids: str) -> str:
        for each in ids:
            if not is_id(each):
                raise BadTopic(f"{'/'.join(ids)!r} cannot be on MQTT: ids are 1 to 48 of a-z, 0-9 and '-'.")
        topic = "/".join((self.base, branch, *ids))
        if topic.count("/") >= MOST_LEVELS:
            raise BadTopic(f"The topic {topic!r} has more than {MOST_LEVELS} levels.")
        if len(topic.encode()) > MOST_BYTES:
            raise BadTopic(f"The topic {topic!r} is longer than {MOST_BYTES} bytes.")
        return topic
