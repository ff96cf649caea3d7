"""Every method of the port asks first; what the table does not name, nobody may."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import pytest
from desk_bench import ELSEWHERE, FAN, SETPOINT
from hypothesis import given
from hypothesis import strategies as st
from manual_clock import NOON

from facility.calls import CALLS
from facility.model import Command
from facility.permits import NEEDS, guarded, places_of
from facility.port import FacilityError
from facility.preview import Preview
from facility.requests import Request
from facility.ruling import ALLOWED, Verdict
from facility.session import Session
from facility.users import PERMISSIONS, Permission, Role, User
from facility.wire import DemandNotice, Wish
from points.catalog import Catalog, CatalogBook
from points.model import Priority, Space, SpaceId

THEATRE = replace(SETPOINT, space=SpaceId("or-1"))
OFFICE = replace(FAN, space=SpaceId("office-1"))
NOWHERE = ELSEWHERE
SPACES = [
    Space(id=SpaceId("or-1"), name="OR 1", type="operating_room"),
    Space(id=SpaceId("office-1"), name="Office 1", type="admin_office"),
]
CATALOG = Catalog.of([], [THEATRE, OFFICE, NOWHERE], SPACES)
ARGUMENTS = {
    "calendar": (NOON.date(),),
    "detail": ("ahu-1/sp",),
    "why": ("ahu-1/sp",),
    "trend": ("ahu-1/sp", NOON, NOON, 1),
    "read": ("ahu-1/sp",),
    "preview": (Wish(point="ahu-1/sp", value=18.0, minutes=60, reason="test"),),
    "commit": ("plan",),
    "second": ("3f9a",),
    "dismiss": ("3f9a",),
    "acknowledge": ("alarm",),
    "approve": ("ahu-1", "replaced"),
    "consent": (["key"], "agreed"),
    "import_schedule": ("rtu-1/schedule,1",),
    "preview_export": ("rtu-1/schedule,1", "the lobby closes earlier"),
    "export_schedule": ("plan",),
    "demand_event": (DemandNotice(id="e1", level=1, start=NOON, duration_minutes=60),),
    "cancel_demand_event": ("e1",),
    "announce_event": ("office", "occupied", NOON, "a long list"),
    "withdraw_event": ("1a2b", "it is over"),
    "rehearsal": ("3fa9c1",),
    "stop_rehearsal": ("3fa9c1",),
    "apply_changes": ("3fa9c1", "shorter hours"),
}
TABLE = {name: needed for name, needed in NEEDS.items() if needed is not None}


class Reached(Exception):
    """The session has gone to one of its parts."""


class Trap:
    """Parts that nobody may come near. `may`: attributes that may be looked at all the same."""

    def __init__(self, **may):
        self.__dict__.update(may)

    def __getattr__(self, name):
        raise Reached(name)


def call(session, name):
    """What came of calling it: "refused", or "reached" when the session went on to do it."""

    async def called():
        answer = getattr(session, name)(*ARGUMENTS.get(name, ()))
        if name == "watch":
            async with answer:
                return
        await answer

    try:
        asyncio.run(called())
    except FacilityError as error:
        return "refused" if error.kind == "not-allowed" else error.kind
    except Reached:
        return "reached"
    return "answered"


def test_every_method_of_the_port_says_who_may_call_it():
    assert set(NEEDS) == {*CALLS, "watch"}


@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize("name", TABLE)
def test_whose_role_may_not_gets_no_further_than_the_question(name, role):
    ended = call(Session(Trap(), User(name="x", role=role)), name)
    needed = Permission.DISCOVER if name == "discover" else TABLE[name]  # it starts one
    assert (ended == "refused") == (needed not in PERMISSIONS[role])


def test_a_method_that_the_table_forgot_is_nobodys():
    class Careless:
        user = User(name="x", role="admin")

        async def hello(self):
            return "hello"

        async def points(self):
            return []

    needs = {name: needed for name, needed in NEEDS.items() if name != "points"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facility.permits.NEEDS", needs)
        careless = guarded(Careless)()
        assert asyncio.run(careless.hello()) == "hello"
        with pytest.raises(FacilityError, match="Nobody may call points"):
            asyncio.run(careless.points())


def parts_at(point, user, decision):
    """Parts that show a plan and a request for `point`, and go off when anything is done about them."""
    command = Command(
        point=point.id, value=18.0, priority=Priority.OPERATOR, by="user:first", reason="test", seconded_by=user.by
    )
    preview = Preview(id="plan", command=command, verdict=Verdict(decision=decision), slots=None, made=NOON)
    request = Request(id="3f9a", command=replace(command, seconded_by=""), verdict=ALLOWED, asked_at=NOON)
    return Trap(
        book=CatalogBook(CATALOG),
        previews=Trap(shown=lambda _plan: preview),
        requests=Trap(named=lambda _request: request),
        alarms=Trap(named=lambda _alarm: SimpleNamespace(about=point.id)),
    )


@given(
    name=st.sampled_from(["preview", "commit", "second", "dismiss", "acknowledge"]),
    role=st.sampled_from(get_args(Role)),
    spaces=st.frozensets(st.sampled_from(["or-1", "operating_room", "office-1", "admin_office", "elsewhere"])),
    point=st.sampled_from([THEATRE, OFFICE, NOWHERE]),
    decision=st.sampled_from(["allowed", "warning", "second-person", "refused"]),
)
def test_nobody_without_the_right_at_that_place_reaches_the_desk(name, role, spaces, point, decision):
    user = User(name="x", role=role, spaces=spaces)
    session = Session(parts_at(point, user, decision), user)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARGUMENTS, "preview", (Wish(point=point.id, value=18.0, minutes=60, reason="test"),))
        ended = call(session, name)
    allowed = role in ("operator", "engineer", "admin") and (
        not spaces or bool(spaces & set(places_of(point, CATALOG)))
    )
    assert ended == ("reached" if allowed else "refused")


def test_what_concerns_the_whole_building_needs_somebody_without_spaces():
    confined = User(name="x", role="engineer", spaces=frozenset({"or-1"}))
    assert call(Session(Trap(), confined), "approve") == "refused"
    asked = Session(Trap(survey=Trap(state=lambda: "idle")), confined)
    assert asyncio.run(asked.discover(start=False)) == "idle"
    with pytest.raises(FacilityError, match="in or-1 only; this concerns the whole building"):
        asyncio.run(asked.discover())


def test_the_place_is_named_in_the_refusal():
    confined = User(name="x", role="operator", spaces=frozenset({"admin_office"}))
    session = Session(Trap(book=CatalogBook(CATALOG)), confined)
    with pytest.raises(FacilityError) as error:
        asyncio.run(session.preview(*ARGUMENTS["preview"]))
    assert str(error.value) == (
        "You may command points in admin_office only; ahu-1/sp is in OR 1 (or-1, operating_room)."
    )
    assert Permission.COMMAND in PERMISSIONS[confined.role]
