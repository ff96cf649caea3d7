"""Character strings of any character set, decoded as well as can be; never an error.

Devices mislabel their character sets more often than not: a label is a hint, and what does not
decode by it is taken for what it most likely is.
"""

from __future__ import annotations

import codecs
from functools import lru_cache

_UTF_8, _DBCS, _JIS, _UCS_4, _UCS_2, _LATIN_1 = range(6)  # clause 20.2.9
_ESCAPE = 0x1B  # how ISO 2022 changes from one set to another


def text(octets: bytes, charset: str = "") -> str:
    """The text of a character string: one octet of character set, and then its characters.

    `charset`: Python's name of what the device writes where it says UTF-8.
    """
    if not octets:
        return ""
    if octets[0] == _UTF_8 and not charset and octets.isascii():  # as nearly all are
        return octets[1:].decode("ascii").rstrip("\0")
    label = octets[0]
    content = octets[1:]
    if label == _UCS_4:
        decoded = content.decode("utf-32-be", "replace")
    elif label == _UCS_2:
        decoded = content.decode("utf-16-be", "replace")
    elif label == _LATIN_1:
        decoded = content.decode("latin-1")
    elif label == _DBCS and len(content) >= 2:
        decoded = _first_of(content[2:], _code_page(content[0] << 8 | content[1]))
    elif label == _JIS:
        decoded = _first_of(content, *(("iso2022_jp",) if _ESCAPE in content else ("utf-8", "shift_jis")))
    else:
        decoded = _first_of(content, charset) if charset else _first_of(_whole(content), "utf-8")
    return decoded.rstrip("\0")


def is_mislabelled(octets: bytes) -> bool:
    """Whether a character string that says that it is UTF-8 is none."""
    if not octets or octets[0] != _UTF_8 or octets.isascii():
        return False
    try:
        _whole(octets[1:]).decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _whole(content: bytes) -> bytes:
    """Without the part of a character that is left where a device has cut its text by octets.

    Only where other characters show that it is UTF-8: one such octet at the end alone is Latin-1.
    """
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = error.end == len(content) and error.reason == "unexpected end of data"
        if cut and not content[: error.start].isascii():
            return content[: error.start]
    return content


def _first_of(content: bytes, *encodings: str) -> str:
    """By the first encoding that fits; Latin-1, the usual mislabelling in the field, fits everything."""
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


@lru_cache(maxsize=256)
def _code_page(number: int) -> str:
    """Python's name of an IBM or Microsoft code page; UTF-8 when it has none."""
    try:
        return codecs.lookup(f"cp{number}").name
    except LookupError:
        return "utf-8"
