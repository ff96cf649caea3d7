"""What a repeated read remembers: its request, its last reply, and what that said.

The same octets give the same answers object; a reply that differs only in values, each as long as it
was, is picked from; anything else is decoded whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from points.bacnet.port import Answer, Property
from points.bacnet.wire.replies import Asked, Key, Place, multiple, single
from points.bacnet.wire.requests import READ_PROPERTY, READ_PROPERTY_MULTIPLE, read_property, read_property_multiple
from points.bacnet.wire.tags import APPLICATION, CHARACTER_STRING, tag
from points.bacnet.wire.template import Template
from points.bacnet.wire.texts import is_mislabelled


class Memory:
    """Of one query. ValueError when BACnet does not know a name in it."""

    __slots__ = (
        *("_answers", "_asked", "_last", "_places", "_template"),
        *("charset", "decoded", "mislabelled", "parameters", "service"),
    )

    def __init__(self, wanted: Sequence[Property], charset: str = "") -> None:
        self.charset = charset
        self._asked, self.service, self.parameters = _request(tuple(wanted), charset)
        self._last: bytes | None = None
        self._answers: Sequence[Answer] = ()
        self._places: dict[Key, Place] = {}
        self._template: Template | None = None
        self.decoded = 0  # replies that had to be decoded whole
        self.mislabelled = False  # a string in the latest of them was not in the character set that it claims

    def take(self, octets: bytes, at: int) -> Sequence[Answer]:
        """The answers in the acknowledgement whose service parameters start at `at`; ProtocolError if it is none."""
        reply = octets[at:]
        if reply == self._last:
            return self._answers
        picked = self._picked(reply)
        answers = self._decoded(reply) if picked is None else picked
        self._last, self._answers = reply, answers
        return answers

    def _picked(self, reply: bytes) -> list[Answer] | None:
        """By a template, which is made when it is first of use."""
        if self._template is None:
            if self._last is None or len(reply) != len(self._last) or not self._places:
                return None
            places, shapes = self._places, self._asked.shapes
            keys = enumerate(self._asked.keys)
            values = {position: (*places[key], shapes[key]) for position, key in keys if key in places}
            self._template = Template(self._last, self._answers, values)
            self._places = {}  # it has them now
        return self._template.values(reply)

    def _decoded(self, reply: bytes) -> Sequence[Answer]:
        self._template = None
        self.decoded += 1
        places: dict[Key, Place] = {}
        answers: list[Answer]
        if self.service == READ_PROPERTY:
            answers = [single(reply, 0, self._asked, places)]
        else:
            answers = multiple(reply, 0, self._asked, places)
        self._places = places
        self.mislabelled = any(_is_mislabelled(reply, *place) for place in places.values())
        return answers


def _is_mislabelled(reply: bytes, start: int, stop: int) -> bool:
    """Whether a value is, or begins with, a string of another character set than it says."""
    if start >= stop or reply[start] >> 4 != CHARACTER_STRING:
        return False
    _, class_, content, end = tag(reply, start, stop)
    return class_ == APPLICATION and is_mislabelled(reply[content:end])


@lru_cache(maxsize=4096)
def _request(wanted: tuple[Property, ...], charset: str) -> tuple[Asked, int, bytes]:
    """(what is asked, its service, the service's parameters): shared by all devices that are built alike."""
    asked = Asked.of(wanted, charset)
    if len(wanted) == 1:
        return asked, READ_PROPERTY, read_property(wanted[0])
    return asked, READ_PROPERTY_MULTIPLE, read_property_multiple(wanted)
