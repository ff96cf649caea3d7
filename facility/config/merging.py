"""Changes laid over a configuration, as text: comments and order of what is not changed stay as they are.

Tables are laid over tables, key by key. In a list of tables, an entry goes by its name, id, match, day or instance: one
that is there is changed, one that is not is added, and one with `remove = true` is taken out, with the comment right
above it. Any other value replaces the one that was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from facility.config.difference import NAMES
from facility.config.errors import ConfigError
from facility.config.places import Path, places_of

REMOVE = "remove"


def merged(text: str, changes: str) -> str:
    """The configuration with the changes in it. Raises `ConfigError`."""
    ends = "\r\n" if "\r\n" in text else "\n"
    whole = text if text.endswith("\n") or not text else text + ends
    base, new = _parsed(whole, "the configuration"), _parsed(changes, "the changes")
    if gone := list(_removed(base, new, ())):
        base = _parsed(_without(whole, gone), "the configuration")
    _lay(base, new, "")
    return tomlkit.dumps(base).replace("\r\n", "\n").replace("\n", ends)


def _parsed(text: str, what: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except (TOMLKitError, ValueError) as error:
        raise ConfigError(f"{what}: not valid TOML: {error}") from None


def _removed(base: MutableMapping[str, Any], new: MutableMapping[str, Any], path: Path) -> Iterator[Path]:
    """The entries that are taken out; they are no changes any more."""
    for key, value in new.items():
        old: Any = base.get(key)
        if isinstance(value, AoT):
            where = ".".join(str(part) for part in (*path, key) if isinstance(part, str))
            for number, entry in reversed(list(enumerate(value))):
                known = _known(old, entry, where)
                if entry.get(REMOVE) is True:
                    if known is None:
                        raise ConfigError(f"{where}: there is no {_said(entry, where)} to remove")
                    del value[number]
                    yield (*path, key, known)
                elif known is not None:
                    yield from _removed(old[known], entry, (*path, key, known))
        elif isinstance(value, Table) and isinstance(old, MutableMapping):
            yield from _removed(old, value, (*path, key))
        elif isinstance(old, AoT):  # something else takes the place of the whole list
            yield from ((*path, key, number) for number in reversed(range(len(old))))


def _without(text: str, gone: Iterable[Path]) -> str:
    """The text without these entries; comments stay, but for those right above one of them."""
    lines = [f"{line}\n" for line in text.split("\n")]  # as TOML counts them: not at every mark that ends a line
    places = list(places_of(text))
    for path in gone:
        begin = next(number for number, place in places if place == path) - 1
        after = (number for number, place in places if number > begin + 1 and place[: len(path)] != path)
        end = next(after, len(lines) + 1) - 1
        while end > begin and _is_between(lines[end - 1]):
            end -= 1
        while begin > 0 and lines[begin - 1].lstrip().startswith("#"):
            begin -= 1
        if begin > 0 and not lines[begin - 1].strip():
            begin -= 1
        lines[begin:end] = [""] * (end - begin)  # the others keep their numbers
    return "".join(lines).removesuffix("\n")


def _is_between(line: str) -> bool:
    """A comment, or nothing."""
    return not line.strip() or line.lstrip().startswith("#")


def _lay(base: MutableMapping[str, Any], new: MutableMapping[str, Any], where: str) -> None:
    for key, value in new.items():
        place = f"{where}.{key}" if where else key
        old = base.get(key)
        if isinstance(value, AoT):
            _lay_list(base, key, value, place)
        elif isinstance(value, Table) and isinstance(old, MutableMapping):
            _lay(old, value, place)
        else:
            base[key] = value


def _lay_list(base: MutableMapping[str, Any], key: str, new: AoT, where: str) -> None:
    old: Any = base.get(key)
    if new and (old is None or old == []):
        base.pop(key, None)
        base[key] = tomlkit.aot()
        old = base[key]
    for entry in new:
        known = _known(old, entry, where)
        if known is None:
            old.append(entry)
        else:
            _lay(old[known], entry, f"{where}[{_said(entry, where)}]")


def _known(old: Any, entry: MutableMapping[str, Any], where: str) -> int | None:
    """Which entry of the list that is."""
    if old is not None and old != [] and not isinstance(old, AoT):
        raise ConfigError(
            f"{where}: the configuration writes it as an inline list; write it as [[{where}]] to change it"
        )
    name = _name(entry, where)
    return next((number for number, each in enumerate(old or ()) if each.get(name) == entry[name]), None)


def _said(entry: MutableMapping[str, Any], where: str) -> str:
    name = _name(entry, where)
    return f"{name} = {entry[name]!r}"


def _name(entry: MutableMapping[str, Any], where: str) -> str:
    """By what the entry goes."""
    for name in NAMES:
        if name in entry:
            return name
    raise ConfigError(f"{where}: every entry needs one of {', '.join(NAMES)}, to say which it is")
