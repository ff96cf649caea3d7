"""`facility passport --json` is what its schema says, for a site whose devices differ in what was learned."""

import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
from session_bench import DEVICES

from facility import exports, views
from facility.abilities import passport_info
from facility.wire import Hello
from points.model import DeviceRef
from points.passport import Oddity, Passports

FILE = Path(__file__).parents[2] / exports.DEFAULT_FILE
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HELLO = Hello(
    site="s",
    site_name="S",
    agent="main",
    version="1",
    zone="UTC",
    pretend=False,
    user="me",
    role="viewer",
    started=NOON,
)


def overrule(device: DeviceRef):
    return {"timeout": 9.0} if device == DEVICES[1].ref else {}


def exported():
    passports = Passports(overrule=overrule, now=lambda: NOON)
    passports.learn(DEVICES[0].ref, rpm_limit=24, latency=0.12, charset="latin-1", reads_multiple=True)
    passports.learn(DEVICES[0].ref, lacks=frozenset({"serial-number", "database-revision"}))
    passports.odd(DEVICES[0].ref, Oddity.RESTARTS)
    passports.learn_network(DEVICES[0].ref.network, outstanding=2, router="10.0.0.1")
    infos = [views.device_info(device, 3, None, passport_info(passports, device.ref)) for device in reversed(DEVICES)]
    return json.loads(exports.passport_book(HELLO, infos, NOON).model_dump_json())


def test_the_schema_in_the_repository_is_that_of_the_models():
    assert FILE.read_text() == exports.text(), "run: python -m facility.exports"


def test_an_export_is_as_its_schema_says():
    jsonschema.validate(exported(), json.loads(FILE.read_text()), format_checker=jsonschema.FormatChecker())


def test_an_export_tells_learned_from_said_and_names_the_device_in_full():
    book = exported()
    assert (book["format"], book["site"], book["at"]) == ("facility-passports-1", "s", "2026-03-01T12:00:00Z")
    first, second = book["devices"]
    assert (first["device"], first["address"], first["instance"]) == (
        "ahu-1",
        DEVICES[0].ref.address,
        DEVICES[0].ref.instance,
    )
    assert (first["passport"]["learned"]["rpm_limit"], first["passport"]["router"]) == (24, "10.0.0.1")
    assert (second["passport"]["learned"]["timeout"], second["passport"]["in_force"]["timeout"]) == (None, 9.0)
    assert second["passport"]["overruled"] == ["timeout"]


def test_an_export_tells_what_a_device_refuses_and_each_network_once():
    book = exported()
    assert book["devices"][0]["passport"]["learned"]["lacks"] == ["database-revision", "serial-number"]
    assert {device.ref.network for device in DEVICES} == {network["number"] for network in book["networks"]}
    assert {"number": DEVICES[0].ref.network, "outstanding": 2, "router": "10.0.0.1", "learned_at": book["at"]} in book[
        "networks"
    ]
    assert len(book["networks"]) == len({network["number"] for network in book["networks"]})
