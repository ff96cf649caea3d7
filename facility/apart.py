"""What tells a point from the others of its class in the same place, in plain words. Pure.

Two probes of one refrigerator never get the same alarm text: what differs in their descriptions
(or names) is said first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from facility.profiles.states import words
from points.model import Point, PointId

LONGEST = 24  # characters; an alarm's text has a line of about 40
_ASIDE = re.compile(r"[,;(].*")  # "product temperature, probe in glycerol"


def told_apart(points: Iterable[Point]) -> Mapping[PointId, str]:
    """For each point that is not the only one of its class where it is: "product", "probe 2"."""
    groups: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        groups.setdefault((point.space or point.equipment or point.device, point.point_class), []).append(point)
    return {point: apart for members in groups.values() if len(members) > 1 for point, apart in _differing(members)}


def _differing(members: Sequence[Point]) -> list[tuple[PointId, str]]:
    """By their descriptions if that tells them apart, or else by their names."""
    described = _own_words([_ASIDE.sub("", point.description or point.name) for point in members])
    named = _own_words([point.name for point in members])
    apart = described if _tell(described) else named if _tell(named) else [point.name for point in members]
    return [(point.id, text) for point, text in zip(members, apart, strict=True)]


def _tell(texts: Sequence[str]) -> bool:
    return all(texts) and len(set(texts)) == len(texts)


def _own_words(texts: Sequence[str]) -> list[str]:
    """Of each text the words that not all have, with the word before a number: "probe 2"."""
    split = [words(text).split() for text in texts]
    count = Counter(word for text in split for word in set(text))

    def own(text: list[str]) -> str:
        def differs(word: str) -> bool:
            return count[word] < len(split)

        kept = [
            word
            for word, following in zip(text, [*text[1:], ""], strict=False)
            if differs(word) or (following.isdigit() and differs(following))
        ]
        while len(kept) > 1 and len(" ".join(kept)) > LONGEST:
            kept.pop()
        return " ".join(kept)

    return [own(text) for text in split]
