"""How often each sender sent what cannot be: a count by name that nobody can make grow without end."""

from __future__ import annotations

from collections import Counter

MOST = 4096  # names; whoever comes later is counted with the others
OTHERS = "others"


def shown(sender: tuple[str, int]) -> str:
    return f"{sender[0]}:{sender[1]}"


class Senders(Counter[str]):
    """By name, as shown to people."""

    def count(self, sender: str, times: int = 1) -> None:
        name = sender if sender in self or len(self) < MOST else OTHERS
        self[name] += times
