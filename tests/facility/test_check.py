"""`facility check`: what the configuration means, said without touching anything."""

import socket
import sqlite3
from dataclasses import replace

import pytest
from pydantic import ValidationError
from session_bench import CONFIG, DEVICES, MONITORED, WARM

from facility.catalog_rows import save_catalog, stored_catalog
from facility.check import checked
from facility.config.loading import load
from facility.config.model import Config
from facility.database import open_state
from facility.passport_rows import save_passports
from facility.settings import Misconfigured
from points.catalog import Catalog
from points.errors import PointsError
from points.model import Device, Safety
from points.passport import Passport

ALWAYS = {"name": "always", "default": "on"}
HOLD = {"kind": "weekly", "name": "hold", "programme": "always", "points": "ahu-1/sp", "values": {"on": 21.0}}


@pytest.fixture
def site(tmp_path):
    """Makes a configuration on a state folder."""

    def configured(**sections):
        agent = {"agent": {"state_dir": str(tmp_path / "state")}, "bacnet": {"address": "10.1.2.10/24"}}
        return Config(**(CONFIG | agent | sections))

    return configured


@pytest.fixture
async def known(tmp_path):
    """What an earlier discovery left: raw, as the network told it."""
    raw = [
        replace(WARM, name="ZN1 Heating Setpoint", safety=Safety.UNKNOWN),
        replace(MONITORED, name="XQZ", safety=Safety.UNKNOWN),
    ]
    with open_state(tmp_path / "state") as db:
        await save_catalog(db, Catalog.of(DEVICES, raw))


def files(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_site_is_told_to_look_first_and_nothing_is_made(site, tmp_path):
    findings = checked(site())
    assert findings.errors == []
    assert findings.lines[0] == "site     St Mary (st-mary/main), America/Chicago"
    assert any("nothing discovered yet" in line for line in findings.lines)
    assert findings.lines[-1] == "Nothing was touched."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("known")
def test_a_stored_catalog_is_read_and_left_as_it_is(site, tmp_path):
    before = files(tmp_path)
    findings = checked(site())
    assert "catalog  2 devices, 2 points" in findings.lines
    assert "policy   office-heating: selects 1 points" in "\n".join(findings.lines)
    assert files(tmp_path) == before
    assert len(stored_catalog(tmp_path / "state" / "state.db").points) == 2


@pytest.mark.usefixtures("known")
def test_it_works_beside_a_running_agent(site, tmp_path):
    with open_state(tmp_path / "state"):
        assert checked(site()).errors == []


@pytest.mark.usefixtures("known")
def test_what_policies_would_demand_now_is_said_in_words_and_in_figures(site):
    safe = [{"match": "ahu-1/sp", "safety": "comfort", "point_class": "heating-setpoint"}]
    findings = checked(site(programmes=[ALWAYS], policies=[HOLD], points=safe))
    assert findings.errors == []
    assert "policy   hold: selects 1 points, demands 1 now" in findings.lines
    assert "           ahu-1/sp = 21.0 °C at 15: always is on (weekly)" in findings.lines
    assert findings.demands == [
        {"policy": "hold", "point": "ahu-1/sp", "value": 21.0, "priority": 15, "reason": "always is on (weekly)"}
    ]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"points": [{"match": "ahu-7/*"}]}, "points: 'ahu-7/*' selects no point"),
        (
            {"spaces": [{"id": "or-3", "name": "OR-3", "type": "operating_room", "match": ["or-3/*"]}]},
            "space or-3: 'or-3/*' selects no point",
        ),
        ({"programmes": [ALWAYS], "policies": [HOLD | {"points": "ahu-7/*"}]}, "policy 'hold' selects no point"),
    ],
)
def test_a_selector_that_selects_nothing_is_an_error(site, sections, says):
    findings = checked(site(**sections))
    assert findings.errors == [says]
    assert f"ERROR    {says}" in findings.lines
    assert findings.lines[-1] == "1 error"


@pytest.mark.usefixtures("known")
def test_a_turndown_of_what_is_no_operating_room_is_an_error(site):
    room = {
        "space": "or-3",
        "supply": "ahu-1/sp",
        "extract": "ahu-1/ef",
        "supply_setback": 300,
        "extract_setback": 206,
    }
    policy = {
        "kind": "room-turndown",
        "name": "or-night",
        "programme": "always",
        "turndown_state": "on",
        "rooms": [room],
    }
    findings = checked(site(programmes=[ALWAYS], policies=[policy]))
    assert findings.errors == ["policy 'or-night': ahu-1/sp: there is no space or-3"]
    rest = {"programmes": [ALWAYS], "policies": [policy]}
    space = {"id": "or-3", "name": "OR-3", "type": "aii_isolation", "match": ["ahu-1/*"]}
    (error,) = checked(site(spaces=[space], **rest)).errors
    assert error.endswith("or-3 is a space of type aii_isolation: its air is never turned down")
    (error,) = checked(site(spaces=[space | {"type": "operating_room"}], **rest)).errors
    assert error == "policy 'or-night': ahu-1/sp: it is no airflow setpoint but heating-setpoint"


@pytest.mark.usefixtures("known")
def test_a_rule_about_what_was_not_recognised_still_selects_it_after_it_has_named_it(site):
    findings = checked(site(points=[{"match": "class:unknown", "point_class": "damper"}]))
    assert findings.errors == []


@pytest.mark.parametrize(
    "sections",
    [{"points": [{"match": "class:dampr"}]}, {"programmes": [ALWAYS], "policies": [HOLD | {"points": "class:dampr"}]}],
)
def test_a_selector_that_cannot_be_read_is_no_configuration(site, sections):
    with pytest.raises(ValidationError, match="no class is called 'dampr'"):
        site(**sections)


WRONG = """
[[programmes]]
name = "always"
default = "on"

[[spaces]]
id = "or-3"
name = "OR 3"
type = "operating_room"
match = ["or-3/*"]

[[policies]]
kind = "weekly"
name = "hold"
programme = "always"
points = "tag:nowhere"
values = { on = 21.0 }
"""


@pytest.mark.usefixtures("known")
def test_what_only_the_building_can_tell_is_told_with_its_line(tmp_path):
    file = tmp_path / "facility.toml"
    file.write_text(f"agent.state_dir = '{tmp_path / 'state'}'\nbacnet.address = '10.1.2.10/24'\n{WRONG}")
    assert [error.partition(" selects")[0].partition(";")[0] for error in checked(load(file)).errors] == [
        "line 14: policy 'hold': nothing has the tag 'nowhere': write it as `tags` of points, spaces or equipment",
        "line 12: space or-3: 'or-3/*'",
        "line 14: policy 'hold'",
    ]


def test_what_could_never_start_is_told_at_once(site, tmp_path):
    with pytest.raises(Misconfigured, match="no device can be found"):
        checked(site(bacnet={"address": "10.1.2.10"}))
    with pytest.raises(Misconfigured, match="unencrypted"):
        checked(site(mqtt={"host": "10.0.0.9"}))
    profile = tmp_path / "profiles.toml"
    profile.write_text("nonsense")
    with pytest.raises(PointsError, match="not valid TOML"):
        checked(site(profiles=profile))


def test_a_damaged_state_file_is_told_not_mended(site, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.db").write_bytes(b"no database" * 1000)
    before = files(tmp_path)
    with pytest.raises(PointsError, match="cannot be read"):
        checked(site())
    assert files(tmp_path) == before


@pytest.mark.usefixtures("known")
def test_what_is_said_of_a_device_is_shown_and_must_match_one(site):
    instance = DEVICES[0].ref.instance
    said = [
        {"instance": instance, "rpm_limit": 5},
        {"instance": instance, "network": 11, "retries": 0},
        {"instance": 4242, "timeout_s": 9},
        {"instance": 99, "network": 3, "segments": False},
    ]
    static = {"instance": 99, "address": "12", "network": 3}
    bacnet = {"address": "10.1.2.10/24", "passport": said, "devices": [static]}
    findings = checked(site(bacnet=bacnet))
    assert f"passport device {instance}: rpm_limit = 5" in findings.lines
    assert "passport device 99 on network 3: segments = False" in findings.lines
    assert findings.errors == [
        f"[[bacnet.passport]] device {instance} on network 11: no such device is known",
        "[[bacnet.passport]] device 4242: no such device is known",
    ]


def test_a_bbmd_that_has_no_address_is_doubtful(site, monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    findings = checked(site(bacnet={"address": "10.1.2.10/24", "foreign": "nowhere"}))
    (warning,) = findings.warnings
    assert warning.startswith("bacnet.foreign: 'nowhere' cannot be resolved from here (Name or service not known)")
    assert f"WARNING  {warning}" in findings.lines
    assert findings.errors == []


def test_a_bbmd_that_has_an_address_is_not(site):
    assert checked(site(bacnet={"address": "10.1.2.10/24", "foreign": "127.0.0.1:47808"})).warnings == []


def test_our_own_address_is_looked_at_also_with_a_bbmd(site):
    with pytest.raises(PointsError, match="not a BACnet address"):
        checked(site(bacnet={"address": "banana", "foreign": "127.0.0.1"}))


def test_one_instance_on_two_networks_is_doubtful(site):
    listed = [{"instance": 9, "address": "1", "network": network} for network in (11, 12)]
    findings = checked(site(bacnet={"address": "10.1.2.10/24", "devices": listed}))
    assert [warning.partition(":")[0] for warning in findings.warnings] == [
        "[[bacnet.devices]] lists instance 9 on the networks 11, 12"
    ]


@pytest.fixture
async def crowded(tmp_path):
    """250 small devices on one trunk, found to take two properties at once."""
    refs = [replace(DEVICES[0].ref, network=11, address=str(each), instance=each + 1) for each in range(250)]
    devices = [Device(id=f"d-{ref.instance}", ref=ref, name="", serves_cov=False) for ref in refs]
    points = [
        replace(WARM, id=f"{device.id}/p-{each}", device=device.id, ref=replace(WARM.ref, device=device.ref))
        for device in devices
        for each in range(5)
    ]
    with open_state(tmp_path / "state") as db:
        await save_catalog(db, Catalog.of(devices, points))
        await save_passports(db, {ref: Passport(rpm_limit=2) for ref in refs}, {})


@pytest.mark.usefixtures("crowded")
def test_deadlines_that_no_budget_bears_are_doubtful(site):
    hurried = [{"match": "*", "deadline_s": 10}]
    findings = checked(site(points=hurried, policies=[], bacnet={"address": "10.1.2.10/24", "requests_per_second": 20}))
    (warning,) = findings.warnings
    assert warning == (
        "network 11 needs about 250 requests/s for its deadlines, its budget is 20: "
        "raise requests_per_second or the deadlines"
    )
    assert findings.errors == []


@pytest.mark.usefixtures("crowded")
def test_what_the_site_says_of_the_devices_counts_for_the_budget(site):
    said = [{"instance": each + 1, "rpm_limit": 10} for each in range(250)]
    bacnet = {"address": "10.1.2.10/24", "requests_per_second": 60, "passport": said}
    assert checked(site(points=[{"match": "*", "deadline_s": 10}], policies=[], bacnet=bacnet)).warnings == []


@pytest.mark.usefixtures("crowded")
def test_a_state_of_before_there_were_passports_is_read(site, tmp_path):
    with sqlite3.connect(tmp_path / "state" / "state.db") as db:
        for (table,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%passport%'"
        ).fetchall():
            db.execute(f"DROP TABLE {table}")
    db.close()
    findings = checked(site(points=[{"match": "*", "deadline_s": 10}], policies=[]))
    assert [warning.partition(" requests")[0] for warning in findings.warnings] == ["network 11 needs about 50"]


@pytest.mark.usefixtures("known")
def test_people_and_places_that_do_not_exist_are_doubtful(site):
    users = {"root": {"role": "operator", "spaces": ["or-1", "operating_room", "or-9"]}, "no-such-login": "viewer"}
    spaces = [{"id": "or-1", "name": "OR 1", "type": "operating_room", "match": ["ahu-1/*"]}]
    findings = checked(site(users=users, groups={"root": "viewer"}, spaces=spaces))
    assert "people   2 users, 1 groups; others may do nothing" in findings.lines
    assert findings.warnings == [
        "users.no-such-login: this machine has no such login name",
        "users.root: no space, and no type of space, is called 'or-9'",
    ]


@pytest.mark.usefixtures("known")
def test_a_policy_goes_by_the_tag_of_a_rule_and_a_tag_that_nothing_has_is_told(site):
    tagged = [{"match": "ahu-1/sp", "safety": "comfort", "point_class": "heating-setpoint", "tags": ["clinic-b"]}]
    by_tag = HOLD | {"points": "tag:clinic-b class:heating-setpoint"}
    findings = checked(site(programmes=[ALWAYS], policies=[by_tag], points=tagged))
    assert findings.errors == []
    assert "policy   hold: selects 1 points, demands 1 now" in findings.lines
    wrong = checked(site(programmes=[ALWAYS], policies=[HOLD | {"points": "tag:clinc-b"}], points=tagged))
    assert wrong.errors == [
        "policy 'hold': nothing has the tag 'clinc-b'; did you mean 'clinic-b'?",
        "policy 'hold' selects no point",
    ]


def test_a_state_that_is_nearly_one_that_a_policy_speaks_of_is_doubted(site):
    hours = {"name": "hours", "weekdays": ["07:00 occupied", "18:00 unocupied", "22:00 cleaning"]}
    hold = HOLD | {"programme": "hours", "values": {"occupied": 21.0, "unoccupied": 16.0}}
    assert checked(site(programmes=[hours], policies=[hold])).warnings == [
        "programme 'hours': no policy speaks of 'unocupied'; did you mean 'unoccupied'?"
    ]
