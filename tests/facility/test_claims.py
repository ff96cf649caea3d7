import asyncio
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import text

from facility.claims import Claims, is_ours
from facility.database import StateUnavailable, open_state
from facility.model import Claim
from points.model import DeviceId, PointId, Priority

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLAIM = Claim(
    point=PointId("ahu-1/sp"),
    priority=Priority.OPERATOR,
    value=18.0,
    by="user:mchen",
    reason="too\nwarm",
    since=NOON,
    until=NOON + timedelta(hours=2),
    command=UUID(int=1),
)
KEYS = st.tuples(st.sampled_from([PointId("a/x"), PointId("a/y"), PointId("b/x")]), st.sampled_from(Priority))
VALUES = st.one_of(st.floats(0, 40), st.booleans(), st.integers(1, 9), st.text(max_size=4))
MOMENTS = st.integers(-5, 5).map(lambda hours: NOON + timedelta(hours=hours))


class ClaimsMachine(RuleBasedStateMachine):
    """Claims against a plain dictionary, with a restart as one of the steps."""

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.loop = self.stack.enter_context(asyncio.Runner())
        self.opened = ExitStack()
        self.model = {}
        self.start()

    def start(self):
        self.claims = self.loop.run(Claims.load(self.opened.enter_context(open_state(self.folder))))

    def teardown(self):
        self.opened.close()
        self.stack.close()

    @rule(key=KEYS, value=VALUES, until=MOMENTS, by=st.sampled_from(["user:a", "policy:p"]))
    def put(self, key, value, until, by):
        claim = replace(CLAIM, point=key[0], priority=key[1], value=value, until=until, by=by, confirmed=True)
        saved = self.loop.run(self.claims.put(claim))
        older = self.model.get(key)
        assert not saved.confirmed
        if older is not None:
            assert is_ours(saved, older.value)
            assert all(is_ours(saved, value) for value in older.unproven)
        assert is_ours(saved, value)
        self.model[key] = saved

    @precondition(lambda self: self.model)
    @rule(pick=st.data(), value=VALUES, also=st.none() | VALUES)
    def confirm(self, pick, value, also):
        key = pick.draw(st.sampled_from(sorted(self.model)))
        saved = self.loop.run(self.claims.confirm(key, value, also))
        expected = replace(self.model[key], value=value, confirmed=True, unproven=() if also is None else (also,))
        assert saved == expected
        self.model[key] = expected

    @precondition(lambda self: self.model)
    @rule(pick=st.data(), until=MOMENTS)
    def renew(self, pick, until):
        key = pick.draw(st.sampled_from(sorted(self.model)))
        self.loop.run(self.claims.renew(key, until))
        self.model[key] = replace(self.model[key], until=until)

    @precondition(lambda self: self.model)
    @rule(pick=st.data())
    def restore(self, pick):
        key = pick.draw(st.sampled_from(sorted(self.model)))
        older = replace(self.model[key], value=21.5, confirmed=True, unproven=(True, 3, "x\u2028y"))
        self.loop.run(self.claims.restore(older))
        self.model[key] = older

    @rule(key=KEYS)
    def drop(self, key):
        self.loop.run(self.claims.drop(key))
        self.model.pop(key, None)

    @rule()
    def restart(self):
        self.opened.close()
        self.start()

    @invariant()
    def the_table_is_the_model(self):
        def typed(claim):
            return claim, type(claim.value), tuple(map(type, claim.unproven))

        assert {claim.key: typed(claim) for claim in self.claims.standing()} == {
            key: typed(claim) for key, claim in self.model.items()
        }
        ends = [claim.until for claim in self.claims.standing()]
        assert ends == sorted(ends)
        for point in ("a/x", "a/y", "b/x"):
            levels = [claim.priority for claim in self.claims.of(PointId(point))]
            assert levels == sorted(key[1] for key in self.model if key[0] == point)
        for device in ("a", "b"):
            assert self.claims.held_at(DeviceId(device)) == sum(point[0] == device for point, _ in self.model)


ClaimsMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
TestClaims = ClaimsMachine.TestCase


@pytest.fixture
def db(tmp_path):
    with open_state(tmp_path) as db:
        yield db


async def test_a_claim_is_on_disk_before_it_is_visible(db):
    claims = await Claims.load(db)
    await claims.put(CLAIM)
    assert (await Claims.load(db)).standing() == [CLAIM]


async def test_what_cannot_be_stored_did_not_happen(db):
    claims = await Claims.load(db)
    await claims.put(CLAIM)
    await db.run(lambda connection: connection.execute(text("DROP TABLE claims")))
    with pytest.raises(StateUnavailable):
        await claims.put(replace(CLAIM, value=25.0))
    with pytest.raises(StateUnavailable):
        await claims.drop(CLAIM.key)
    assert claims[CLAIM.key] == CLAIM


def test_only_what_we_may_have_written_is_ours():
    claim = replace(CLAIM, unproven=(20.0,))
    assert is_ours(claim, 18.0)
    assert is_ours(claim, 18.0001)  # a REAL has seven digits
    assert is_ours(claim, 20.0)
    assert not is_ours(claim, 19.0)
    assert not is_ours(claim, True)
    assert not is_ours(replace(CLAIM, value=True), 1)
