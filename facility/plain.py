"""Text that a terminal only prints: nothing in it moves the cursor, rings, or turns around what stands beside it.

Whatever a person writes has to be plain. What devices and older records say may not be: it is shown escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from unicodedata import category, name

_COMMANDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, directions, halves of characters, ends of lines
_JOINERS = frozenset("\u200c\u200d")  # of the first kind, but scripts and signs are written with them
_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")


class NotPlain(ValueError):
    """A text holds what nobody could read."""


def escaped(text: str) -> str:
    r"""The text with what is not plain as it is written in programs: `\x1b`, `\n`, `\u202e`."""
    if text.isprintable():  # as nearly all is
        return text
    return "".join(c if _is_plain(c) else c.encode("unicode_escape").decode() for c in text)


def escaped_json(document: str) -> str:
    """JSON that says the same, plainly; its own lines stay."""
    return _BEYOND_ASCII.sub(lambda found: _in_json(found[0]), document)


def must_be_plain(what: str, said: object) -> None:
    """Raises `NotPlain`, which names `what`, if `said` is or holds a text that is not plain."""
    match said:
        case str() if not said.isprintable():
            if odd := next((c for c in said if not _is_plain(c)), None):
                raise NotPlain(f"{what}: one line of plain text is needed, without {escaped(odd)} ({_named(odd)}).")
        case Mapping():
            for key, value in said.items():
                must_be_plain(f"{what}.{escaped(str(key))}", value)
        case list():
            for value in said:
                must_be_plain(what, value)


def _is_plain(character: str) -> bool:
    return character in _JOINERS or category(character) not in _COMMANDS


def _named(character: str) -> str:
    return name(character, "a control character").lower()


def _in_json(character: str) -> str:
    return character if _is_plain(character) else "".join(f"\\u{unit:04x}" for unit in _units(character))


def _units(character: str) -> list[int]:
    octets = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2)]
