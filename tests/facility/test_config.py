from datetime import time
from pathlib import Path

import pytest

from facility.config.errors import ConfigError
from facility.config.loading import load, load_text
from facility.config.programmes import ProgrammeSection, parse_change
from facility.config.whereabouts import whereabouts

TURNDOWN = """
[[programmes]]
name = "a"
default = "on"
[[policies]]
kind = "room-turndown"
name = "or-night"
programme = "a"
[[policies.rooms]]
space = "or-1"
supply = "or-1/s"
extract = "or-1/e"
{}
"""
SPELLING = """
[[programmes]]
name = "b"
monday = ["07:00 on"]
[[policies]]
kind = "weekly"
name = "a"
programme = "b"
points = "*"
values = { ocupied = 1 }
"""

LISTED = '[[bacnet.devices]]\ninstance = {}\naddress = "{}"\nnetwork = {}\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "facility.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_apply():
    config = load(None)
    assert config.site.zone == "UTC"
    assert config.bacnet.foreign is None


def test_the_environment_outranks_the_file(tmp_path, monkeypatch):
    path = written(tmp_path, '[bacnet]\naddress = "10.0.0.1"\n')
    monkeypatch.setenv("FACILITY_BACNET__ADDRESS", "10.0.0.2")
    assert load(path).bacnet.address == "10.0.0.2"


def test_a_secret_comes_from_the_secrets_directory_and_never_shows_itself(tmp_path, monkeypatch):
    (tmp_path / "mqtt__password").write_text("geheim")
    monkeypatch.setenv("FACILITY_SECRETS_DIR", str(tmp_path))
    config = load(None)
    assert config.mqtt.password is not None
    assert config.mqtt.password.get_secret_value() == "geheim"
    assert "geheim" not in repr(config)


def test_a_secrets_directory_that_is_not_there_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("FACILITY_SECRETS_DIR", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"FACILITY_SECRETS_DIR says .*none, which is no folder"):
        load(None)


def test_a_folder_of_credentials_that_is_not_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "none"))
    assert load(None).mqtt is None


def test_the_home_in_the_name_of_the_secrets_directory_is_meant(tmp_path, monkeypatch):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mqtt__password").write_text("geheim")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FACILITY_SECRETS_DIR", "~/secrets")
    assert load(None).mqtt.password.get_secret_value() == "geheim"


def test_a_configuration_that_stands_alone_needs_no_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("FACILITY_SECRETS_DIR", str(tmp_path / "none"))
    assert load_text("", "the record", alone=True).mqtt is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[bacnet\n", "not valid TOML"),
        ('[bacnet]\nadress = "1"\n', "bacnet.adress: unknown key; did you mean 'address'?"),
        ('[site]\nzone = "Europe/Berln"\n', "did you mean 'Europe/Berlin'?"),
        ('[mqtt]\npassword = "x"\n', "FACILITY_MQTT__PASSWORD"),
        ('[[policies]]\nkind = "weekly"\nname = "a"\nprogramme = "b"\npoints = "*"\nvalues = {}\n', "known: none"),
        ('[[points]]\nmatch = "a/b"\nlimit_low = 5\nlimit_high = 1\n', "limit_low 5 must be below limit_high 1"),
        (TURNDOWN.format("supply_setback = 200\nextract_setback = 200"), "the room would lose its positive pressure"),
        (TURNDOWN.format("supply_setback = nan\nextract_setback = 200"), "supply_setback"),
        (TURNDOWN.format("supply_setbak = 300\nextract_setback = 200"), "unknown key; did you mean 'supply_setback'?"),
        (
            TURNDOWN.format("supply_setback = 300\nextract_setback = 200"),
            "speaks of unoccupied; programme 'a' knows on",
        ),
        (SPELLING, "speaks of ocupied; programme 'b' knows on, unoccupied"),
        ('[[programmes]]\nname = "a"\n[[programmes]]\nname = "a"\n', "two of a name: programme 'a'"),
        ("[[bacnet.passport]]\nrpm_limit = 5\n", "bacnet.passport.0.instance: Field required"),
        ("[[bacnet.passport]]\ninstance = 7\n", "nothing is said of device 7; known keys: reads_multiple, rpm_limit"),
        ("[[bacnet.passport]]\ninstance = 7\nrpm_limt = 5\n", "rpm_limt: unknown key; did you mean 'rpm_limit'?"),
        ("[[bacnet.passport]]\ninstance = 7\nrpm_limit = 0\n", "bacnet.passport.0.rpm_limit"),
        ('[[bacnet.passport]]\ninstance = 7\ncharset = "base64"\n', "not a character set"),
        ("[[bacnet.passport]]\ninstance = 7\nretries = 1\n" * 2, "two entries [[bacnet.passport]] are about device 7"),
        ("[bacnet]\nrequests_per_second = 0\n", "bacnet.requests_per_second"),
        ('[[programmes]]\nname = "a"\nmonday = ["25:00 occupied"]\n', "programmes.0.monday.0"),
        ("[bacnet]\nlow = 10\nhigh = 5\n", "write low = 5 and high = 10"),
        ('[bacnet]\ntargets = ["11:*", "banana"]\n', "bacnet.targets.1: 'banana' is no place to look; write \"11:*\""),
        ('[bacnet]\nforeign = "bbmd one"\n', "bacnet.foreign: 'bbmd one' is no BBMD; write host:port"),
        ("[bacnet]\nrediscover_hours = inf\n", "bacnet.rediscover_hours"),
        ("[bacnet]\nrediscover_hours = 1e300\n", "bacnet.rediscover_hours: write 0.1 to 8760 hours, or 0 for never"),
        ("[bacnet]\nrediscover_hours = 0.01\n", "bacnet.rediscover_hours: write 0.1 to 8760 hours, or 0 for never"),
        ("[bacnet]\nrediscover_hours = -1\n", "bacnet.rediscover_hours: write 0.1 to 8760 hours, or 0 for never"),
        ("[bacnet]\nsweep_minutes = 1\n", "bacnet.sweep_minutes: write 5 to 10080 minutes, or 0 for off"),
        (
            "[bacnet]\nrequests_per_second = 0.01\n",
            "bacnet.requests_per_second: Input should be greater than or equal to 1",
        ),
        ("[bacnet]\nrequests_per_second = nan\n", "bacnet.requests_per_second"),
        ("[bacnet]\nlocal_requests_per_second = 0.5\n", "bacnet.local_requests_per_second"),
        ("[bacnet]\nlocal_requests_per_second = inf\n", "bacnet.local_requests_per_second"),
        ("[bacnet]\nwho_is_per_minute = 0\n", "bacnet.who_is_per_minute"),
        ("[bacnet]\ntimeout_s = nan\n", "bacnet.timeout_s"),
        ("[bacnet]\ntimeout_s = 1e-9\n", "bacnet.timeout_s"),
        (LISTED.format(7, "banana", 0), "bacnet.devices.0: address 'banana' is no IPv4 address"),
        (LISTED.format(7, "12", 0), "for an MS/TP device write its network, too"),
        (LISTED.format(7, "banana", 11), "bacnet.devices.0: address 'banana' is no MAC on network 11"),
        (LISTED.format(7, "12", 11) + LISTED.format(7, "13", 11), "lists instance 7 on network 11 twice"),
        (LISTED.format(7, "12", 11) + LISTED.format(8, "12", 11), "lists address 12 on network 11 twice"),
        ("[bacnet]\ninstance = 7\n" + LISTED.format(7, "12", 11), "lists instance 7, which is this agent's own"),
    ],
)
def test_a_broken_file_is_explained(tmp_path, text, says):
    with pytest.raises(ConfigError, match=r"facility\.toml") as caught:
        load(written(tmp_path, text))
    assert says in str(caught.value)


@pytest.mark.parametrize("read", [load, whereabouts])
def test_an_environment_that_cannot_be_read_is_explained(monkeypatch, read):
    monkeypatch.setenv("FACILITY_SITE", "{north}")
    with pytest.raises(ConfigError, match=r'^the environment: .*"site"'):
        read(None)


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(ConfigError, match="There is no configuration file"):
        load(tmp_path / "nowhere.toml")


def test_weekdays_stand_in_for_a_weekday_that_says_nothing():
    programme = ProgrammeSection(name="office", weekdays=["07:00 occupied"], friday=["08:00 occupied"])
    assert programme.day(0) == ["07:00 occupied"]
    assert programme.day(4) == ["08:00 occupied"]
    assert programme.day(5) == []


def test_a_change_is_a_time_and_a_state():
    assert parse_change("07:30 occupied") == (time(7, 30), "occupied")
