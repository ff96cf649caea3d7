"""Where each value of the merged tables is from, and who vouches for it: value by value, never table by table. Pure.

What the site did not write keeps the shipped source, and nobody at the site has verified it, whatever the site says of
the values beside it. A table made of both names both, and counts as verified only if each of its values is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

OWN = "the site's own profile"
PROVENANCE = ("source", "edition", "verified_by", "verified_on")
WORDS = frozenset({"name", "group", "text", *PROVENANCE})  # not numbers, not rules

Path = tuple[str, ...]
Tables = Mapping[str, Any]


class Origin(NamedTuple):
    """Where a value is from and who vouches for it."""

    source: str = ""
    edition: str = ""
    verified_by: str = ""
    verified_on: str = ""

    def under(self, table: Tables) -> Origin:
        """What a table inside says of itself; what it does not say is said here."""
        source, by = table.get("source"), table.get("verified_by")
        return Origin(
            source or self.source,
            table.get("edition") or ("" if source else self.edition),  # an edition goes with its source
            by or self.verified_by,
            table.get("verified_on") or ("" if by else self.verified_on),
        )

    def __str__(self) -> str:
        return ", ".join(part for part in (self.source, self.edition) if part)


def origins(key: str, both: Tables, shipped: Tables, site: Tables) -> dict[Path, Origin]:
    """Of every value of one table of the files. `both`: what is in force of the shipped and the site's."""
    return dict(_walk((key,), both[key], shipped.get(key), site.get(key), Origin(), Origin()))


def cited(both: Tables, shipped: Tables, site: Tables) -> dict[str, Any]:
    """`both`, where each table that holds values says itself where they are from. All of it is valid."""
    told = dict(both)
    for key in site.keys() & shipped.keys():
        known = origins(key, both, shipped, site)
        if known == origins(key, both, shipped, {}):
            told[key] = _as_shipped(both[key], shipped[key])
            continue
        told[key] = _told((key,), both[key], known)
        if "verified_by" in told[key]:  # it would be taken to speak for the tables inside, which speak for themselves
            told[key]["verified_by"] = ""
    return told


def idle(site: Tables) -> Iterator[str]:
    """Tables of the site's file that name who verified them and hold no value: nothing is verified by that."""
    for path, table in _tables((), site):
        if table.get("verified_by") and not any(list(_values(inside)) for _, inside in _tables(path, table)):
            yield ".".join(path)


def _tables(path: Path, table: Tables) -> Iterator[tuple[Path, Tables]]:
    yield path, table
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _tables((*path, name), value)


def _walk(
    path: Path, both: Tables, below: object, own: object, standard: Origin, said: Origin
) -> Iterator[tuple[Path, Origin]]:
    shipped = below if isinstance(below, Mapping) else {}
    site = own if isinstance(own, Mapping) else {}
    standard, said = standard.under(shipped), said.under(site)
    for name, value in both.items():
        if isinstance(value, Mapping):
            yield from _walk((*path, name), value, shipped.get(name), site.get(name), standard, said)
        elif name not in WORDS:
            is_own = name in site and site[name] == value
            same = name in shipped and shipped[name] == value
            yield (*path, name), _of_own(site, standard, said, same=same) if is_own else standard


def _of_own(site: Tables, standard: Origin, said: Origin, *, same: bool) -> Origin:
    """Of a value that the site wrote; `same`: it is the shipped one."""
    if same and not site.get("source"):
        return Origin(standard.source, site.get("edition") or standard.edition, said.verified_by, said.verified_on)
    return said if said.source else said._replace(source=OWN)


def _told(path: Path, table: Tables, known: Mapping[Path, Origin]) -> dict[str, Any]:
    told = {
        name: _told((*path, name), value, known) if isinstance(value, Mapping) else value
        for name, value in table.items()
    }
    mine = {name: known[*path, name] for name in _values(table)}
    return {**told, **_joined(mine)} if mine else told


def _as_shipped(table: Tables, shipped: object) -> dict[str, Any]:
    """The table with nothing that the site says of where its values are from."""
    below = shipped if isinstance(shipped, Mapping) else {}
    told = {
        name: _as_shipped(value, below.get(name)) if isinstance(value, Mapping) else value
        for name, value in table.items()
        if name not in PROVENANCE
    }
    return told | {name: below[name] for name in PROVENANCE if name in below}


def _values(table: Tables) -> Iterable[str]:
    return (name for name, value in table.items() if name not in WORDS and not isinstance(value, Mapping))


def _joined(values: Mapping[str, Origin]) -> dict[str, str]:
    """What a table says of all its values together."""
    distinct = list(dict.fromkeys(values.values()))
    if len(distinct) == 1:
        return distinct[0]._asdict()
    most = max(distinct, key=lambda origin: sum(each == origin for each in values.values()))
    parts = [
        f"{', '.join(name for name, each in values.items() if each == origin)}: {_in_words(origin)}"
        for origin in distinct
        if origin != most
    ]
    verified = dict.fromkeys(each.verified_by for each in distinct) if all(o.verified_by for o in distinct) else ()
    return Origin("; ".join([*parts, f"the rest: {_in_words(most)}"]), verified_by=", ".join(verified))._asdict()


def _in_words(origin: Origin) -> str:
    return f"{origin} (verified by {origin.verified_by})" if origin.verified_by else str(origin)
