"""The binding table. A lower-case letter means the same on every screen.

Nothing here writes to a device: `o` and `x` open a dialog, in which only `Y` commits; `a` makes
a record. Help and the key bar are made from this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType

PLACES = (
    ("1", "overview", "Overview", "Home"),
    ("4", "points", "Points", "Points"),
    ("5", "alarms", "Alarms", "Alarms"),
    ("6", "schedules", "Schedules", "Sched"),
    ("7", "policies", "Policies", "Policy"),
    ("8", "energy", "Energy", "Energy"),
    ("0", "links", "Links", "Links"),
)
"""Key, place, long name, short name. The missing numbers belong to screens that do not exist yet."""

MORE = (("a", "audit", "Audit"),)
"""Places that need `g` and a letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """Something a key does. `action` is what a place lists when it knows the verb."""

    keys: str
    shown: str
    action: str
    short: str
    long: str
    needs: str = ""  # of `Hello.permissions`, and a living agent
    asks: bool = False  # needs a living agent


VERBS = (
    Verb(keys="tab", shown="Tab", action="next_tab", short="next tab", long="next tab of the place"),
    Verb(keys="e", shown="e", action="edit", short="edit", long="edit a day (a draft)", needs="command"),
    Verb(keys="R", shown="R", action="rehearse", short="rehearse", long="rehearse 7 days", needs="command"),
    Verb(keys="d", shown="d", action="differences", short="differences", long="only differences"),
    Verb(keys="ctrl+s", shown="^S", action="save", short="save", long="save the rehearsed", needs="configure"),
    Verb(keys="u", shown="u", action="undo", short="undo", long="take last edit back"),
    Verb(keys="s", shown="s", action="announce", short="event", long="special event, once", needs="command"),
    Verb(keys="G", shown="G", action="guard", short="guard rule", long="the guard's rules"),
    Verb(keys="slash", shown="/", action="filter", short="filter", long="filter as you type"),
    Verb(keys="enter", shown="Enter", action="open", short="open", long="open, follow"),
    Verb(keys="a", shown="a", action="acknowledge", short="ack", long="acknowledge", needs="acknowledge"),
    Verb(keys="v", shown="v", action="approve", short="approve", long="approve a suspect device", needs="approve"),
    Verb(keys="V", shown="V", action="verify", short="verify", long="check that nothing was changed", asks=True),
    Verb(keys="o", shown="o", action="override", short="override", long="override, timed, reasoned", needs="command"),
    Verb(keys="x", shown="x", action="release", short="release", long="release our hold", needs="command"),
    Verb(keys="w", shown="w", action="why", short="why", long="why is it so?"),
    Verb(keys="t", shown="t", action="time_range", short="range", long="time range"),
    Verb(keys="M", shown="M", action="meter", short="meter", long="the next meter"),
    Verb(keys="p", shown="p", action="slots", short="slots", long="all 16 slots"),
    Verb(keys="R", shown="R", action="read_now", short="read now", long="read from the device now", asks=True),
    Verb(keys="R", shown="R", action="make_anew", short="anew", long="make the report anew", asks=True),
    Verb(keys="S", shown="S", action="sort", short="sort", long="sort: worst first"),
    Verb(keys="y", shown="y", action="copy", short="copy", long="copy the id"),
)
EVERYWHERE = (
    Verb(keys="colon,ctrl+p", shown=":", action="palette", short="jump", long="go or do: jump to anything"),
    Verb(keys="question_mark", shown="?", action="help", short="help", long="this help"),
    Verb(keys="exclamation_mark", shown="!", action="worst", short="worst", long="worst alarm not acknowledged"),
    Verb(keys="left_square_bracket", shown="[", action="go_back", short="back", long="back"),
    Verb(keys="right_square_bracket", shown="]", action="go_forward", short="forward", long="forward"),
    Verb(keys="escape", shown="Esc", action="step_out", short="out", long="one step out"),
    Verb(keys="T", shown="T", action="theme", short="theme", long="next theme"),
    Verb(keys="ctrl+l", shown="^L", action="repaint", short="repaint", long="paint again"),
    Verb(keys="ctrl+q", shown="^Q", action="leave", short="leave", long="leave; control goes on"),
    Verb(keys="ctrl+c", shown="^C", action="ask_leave", short="leave?", long="leave? twice leaves"),
)


def bindings() -> list[BindingType]:
    """The table as Textual wants it, with ids so that keys can be remapped."""
    places: list[BindingType] = [
        Binding(key, f"go('{place}')", long, show=False, id=f"go.{place}") for key, place, long, _ in PLACES
    ]
    named: dict[str, list[Verb]] = {}
    for verb in (*VERBS, *EVERYWHERE):
        named.setdefault(verb.keys, []).append(verb)
    verbs: list[BindingType] = [
        Binding(key, _action(of), of[0].long, show=False, id=f"verb.{of[0].action}", priority=key == "ctrl+q")
        for key, of in named.items()
    ]
    return [*places, *verbs, Binding("g", "more", "more places", show=False, id="go.more")]


def _action(verbs: list[Verb]) -> str:
    """What a key does; where it has two meanings, the place in sight decides."""
    return verbs[0].action if len(verbs) == 1 else f"whichever('{' '.join(verb.action for verb in verbs)}')"
