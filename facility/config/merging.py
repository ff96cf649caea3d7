"""Changes laid over a configuration, as text: comments and order of what is not changed stay as they are.

Tables are laid over tables, key by key. In a list of tables, an entry goes by its name, id, match, day or instance: one
that is there is changed, one that is not is added, and one with `remove = true` is taken out. Any other value replaces
the one that was there.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from facility.config.difference import NAMES
from facility.config.errors import ConfigError

REMOVE = "remove"


def merged(text: str, changes: str) -> str:
    """The configuration with the changes in it. Raises `ConfigError`."""
    ends = "\r\n" if "\r\n" in text else "\n"
    whole = text if text.endswith("\n") or not text else text + ends
    base, new = _parsed(whole, "the configuration"), _parsed(changes, "the changes")
    _lay(base, new, "")
    return tomlkit.dumps(base).replace("\r\n", "\n").replace("\n", ends)


def _parsed(text: str, what: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except (TOMLKitError, ValueError) as error:
        raise ConfigError(f"{what}: not valid TOML: {error}") from None


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
    old = base.get(key)
    if old is None or old == []:
        base.pop(key, None)
        base[key] = tomlkit.aot()
        old = base[key]
    if not isinstance(old, AoT):
        raise ConfigError(
            f"{where}: the configuration writes it as an inline list; write it as [[{where}]] to change it"
        )
    for entry in new:
        name = _name(entry, where)
        known = next((number for number, each in enumerate(old) if each.get(name) == entry[name]), None)
        if entry.get(REMOVE) is True:
            if known is None:
                raise ConfigError(f"{where}: there is no {name} = {entry[name]!r} to remove")
            del old[known]
        elif known is None:
            old.append(entry)
        else:
            _lay(old[known], entry, f"{where}[{entry[name]}]")


def _name(entry: MutableMapping[str, Any], where: str) -> str:
    """By what the entry goes."""
    for name in NAMES:
        if name in entry:
            return name
    raise ConfigError(f"{where}: every entry needs one of {', '.join(NAMES)}, to say which it is")
