"""Whom the agent knows, as what, and what that allows. Deny by default."""

from types import SimpleNamespace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.config.errors import ConfigError
from facility.config.loading import load
from facility.config.model import Config
from facility.settings import Misconfigured, consenting, roster
from facility.users import PERMISSIONS, STRONGEST_FIRST, Caller, Grant, Permission, Role, Roster, User, stranger

OWN, NURSE, WHEEL = 991, 2000, 10
ROSTER = Roster(
    {"rdiaz": Grant(role="operator", spaces=frozenset({"or-1"})), "boss": Grant(role="admin")},
    {
        NURSE: Grant(role="viewer"),
        WHEEL: Grant(role="engineer", spaces=frozenset({"or-1"})),
        WHEEL + 1: Grant(role="engineer", spaces=frozenset({"icu"})),
        WHEEL + 2: Grant(role="engineer"),
    },
    own_uid=OWN,
)


def caller(name="somebody", uid=1234, groups=(), named=True):
    return Caller(uid=uid, name=name, named=named, groups=frozenset(groups))


def test_whom_the_configuration_does_not_know_is_nobody():
    assert ROSTER.user(caller()) is None
    assert ROSTER.user(caller(groups={1, 2, 3})) is None


def test_a_uid_without_a_login_name_matches_nothing():
    users = {"uid-1234": Grant(role="admin")}
    nameless = caller("uid-1234", named=False, groups={WHEEL})
    assert Roster(users, {WHEEL: Grant(role="admin")}, own_uid=OWN).user(nameless) is None
    assert "no login name" in stranger(nameless)


def test_his_own_line_wins_over_his_groups():
    assert ROSTER.user(caller("rdiaz", groups={WHEEL})) == User(
        name="rdiaz", role="operator", spaces=frozenset({"or-1"})
    )


def test_of_several_groups_the_strongest_role_counts_and_its_spaces_add_up():
    assert ROSTER.user(caller(groups={NURSE, WHEEL})).role == "engineer"
    assert ROSTER.user(caller(groups={NURSE, WHEEL, WHEEL + 1})).spaces == {"or-1", "icu"}
    assert ROSTER.user(caller(groups={WHEEL, WHEEL + 2})).spaces == frozenset()  # everywhere


def test_the_agents_own_account_and_root_are_engineers_unless_the_site_says_otherwise():
    assert ROSTER.user(caller("facility", uid=OWN)).role == "engineer"
    assert ROSTER.user(caller("uid-991", uid=OWN, named=False)).role == "engineer"  # in a container
    assert ROSTER.user(caller("root", uid=0)).role == "engineer"
    assert not ROSTER.user(caller("root", uid=0)).named
    assert ROSTER.user(caller("boss", uid=0)).role == "admin"
    assert ROSTER.user(caller("facility", uid=OWN, groups={NURSE})).role == "viewer"


def test_no_group_makes_a_person_of_root_or_of_the_agents_own_account():
    for account in (caller("root", uid=0, groups={WHEEL + 2}), caller("facility", uid=OWN, groups={WHEEL + 2})):
        known = ROSTER.user(account)
        assert (known.role, known.named) == ("engineer", False)
    assert ROSTER.user(caller("boss", uid=0)).named
    assert ROSTER.user(caller(groups={WHEEL + 2})).named


def test_a_stranger_is_told_his_name_and_the_line_that_is_missing():
    said = stranger(caller("mchen"))
    assert "mchen" in said
    assert 'mchen = "viewer"' in said
    assert "[users]" in said
    assert '"DOMAIN user" = "viewer"' in stranger(caller("DOMAIN user"))


def test_every_role_is_listed_once_and_the_auditor_reads_nothing_but_the_audit():
    assert set(PERMISSIONS) == set(STRONGEST_FIRST) == set(get_args(Role))
    assert PERMISSIONS["auditor"] == {Permission.AUDIT}
    able = {role for role, may in PERMISSIONS.items() if Permission.COMMAND in may}
    assert able == {"operator", "engineer", "admin"}


@given(
    role=st.sampled_from(get_args(Role)),
    what=st.sampled_from(Permission),
    spaces=st.frozensets(st.sampled_from(["or-1", "icu"])),
    places=st.sampled_from([(), ("or-1", "operating_room"), ("icu",)]),
)
def test_nobody_may_more_than_his_role_or_act_outside_of_his_spaces(role, what, spaces, places):
    user = User(name="x", role=role, spaces=spaces)
    if user.may(what, places):
        assert what in PERMISSIONS[role]
        assert not spaces or what in (Permission.SEE, Permission.AUDIT) or spaces & set(places)
    assert not (user.may(what) and not user.has(what))


def test_a_refusal_names_the_role_and_who_may():
    assert User(name="x", role="auditor").refusal(Permission.COMMAND) == (
        "You are an auditor: you may not command points. Who may: operator, engineer, admin."
    )
    confined = User(name="x", role="operator", spaces=frozenset({"or-1"}))
    assert confined.refusal(Permission.COMMAND, "ahu-1/sp is in OR 2") == (
        "You may command points in or-1 only; ahu-1/sp is in OR 2."
    )


def test_a_role_alone_or_with_spaces_is_configured_by_name_and_by_group(tmp_path):
    path = tmp_path / "facility.toml"
    path.write_text(
        'users.mchen = "auditor"\nusers.rdiaz = { role = "operator", spaces = ["or-1", "admin_office"] }\n'
        '[groups]\nroot = "viewer"\n'
    )
    known = roster(load(path))
    assert known.user(caller("mchen")).role == "auditor"
    assert known.user(caller("rdiaz")).spaces == {"or-1", "admin_office"}
    assert known.user(caller(groups={0})).role == "viewer"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('users.mchen = "boss"', "users.mchen.role: Input should be 'viewer', 'operator'"),
        ('users.mchen = { rol = "viewer" }', "did you mean 'role'"),
        ('users.mchen = { role = "operator", spaces = [] }', "users.mchen.spaces"),  # nowhere is not everywhere
    ],
)
def test_a_line_that_cannot_be_meant_is_an_error(tmp_path, written, says):
    path = tmp_path / "facility.toml"
    path.write_text(written)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert says in str(error.value)


def test_a_group_that_the_machine_does_not_have_is_an_error():
    with pytest.raises(Misconfigured, match="no group 'no-such-group'"):
        roster(Config(groups={"no-such-group": "viewer"}))


def test_consents_count_of_whom_the_configuration_names_in_a_role_that_may_agree():
    users = {"ann": "engineer", "ben": "operator", "root": "admin"}
    counts = consenting(Config.model_validate({"users": users}))
    assert [counts(f"user:{name}") for name in ("ann", "ben", "cho", "root")] == [True, False, False, True]
    assert not consenting(Config.model_validate({"users": {"ann": "engineer"}}))("user:root")


def test_consents_count_of_whom_a_group_of_his_makes_an_engineer(monkeypatch):
    accounts = {"ann": SimpleNamespace(pw_uid=4711, pw_gid=4711), "root": SimpleNamespace(pw_uid=0, pw_gid=0)}
    monkeypatch.setattr("facility.settings.pwd.getpwnam", accounts.__getitem__)
    monkeypatch.setattr("facility.settings.os.getgrouplist", lambda _name, gid: [gid, WHEEL])
    monkeypatch.setattr("facility.settings.grp.getgrnam", lambda _name: SimpleNamespace(gr_gid=WHEEL))
    counts = consenting(Config.model_validate({"groups": {"wheel": "engineer"}}))
    assert [counts(f"user:{name}") for name in ("ann", "ben", "root")] == [True, False, False]
