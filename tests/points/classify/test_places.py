"""Which room, which machine: ids are stable slugs, names read as people say them."""

import pytest

from points.classify import Evidence, classified, classify
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Ref, Safety, Space

PLACES = [
    ("OR-3 Room Controller", "or-3", "OR-3", "operating_room"),
    ("Operating Room 3", "or-3", "OR-3", "operating_room"),
    ("AII-407", "aii-407", "AII-407", "aii_isolation"),
    ("AII-407 Anteroom", "aii-anteroom-407", "AII Anteroom 407", "aii_anteroom"),
    ("PE-2", "pe-2", "PE-2", "protective_env"),
    ("VAV-2-14 Office 214", "office-214", "Office 214", "admin_office"),
    ("RM-101", "room-101", "Room 101", "unknown"),
    ("Patient Room 312", "patient-room-312", "Patient Room 312", "patient_room"),
    ("ICU-4", "icu-4", "ICU-4", "icu"),
    ("NICU", "nicu", "NICU", "nicu"),
    ("Pharmacy", "pharmacy", "Pharmacy", "pharmacy_general"),
    ("Pharmacy Clean Room", "compounding-pharmacy", "Compounding Pharmacy", "pharmacy_compounding_797"),
    ("HD Pharmacy", "hd-pharmacy", "HD Pharmacy", "pharmacy_hd_800"),
    ("Sterile Storage", "sterile-storage", "Sterile Storage", "sterile_storage"),
    ("Trauma Room 1", "trauma-room-1", "Trauma Room 1", "trauma_room"),
    ("Corridor 2E", "corridor-2e", "Corridor 2E", "patient_corridor"),
    ("Lobby", "lobby", "Lobby", "lobby"),
    ("Blood Bank Refrigerator 1", "blood-bank-refrigerator-1", "Blood Bank Refrigerator 1", "blood_bank_refrigerator"),
    ("BBR-1", "blood-bank-refrigerator-1", "Blood Bank Refrigerator 1", "blood_bank_refrigerator"),
    ("Vaccine Fridge 2", "vaccine-refrigerator-2", "Vaccine Refrigerator 2", "vaccine_refrigerator"),
    ("Plasma Freezer 1", "plasma-freezer-1", "Plasma Freezer 1", "plasma_freezer"),
    ("Emergency Generator 1", "generator-1", "Generator 1", "generator"),
    ("ATS-2", "transfer-switch-2", "Transfer Switch 2", "transfer_switch"),
    ("UPS-1", "ups-1", "UPS-1", "ups"),
    ("LIM-3", "isolated-power-3", "Isolated Power 3", "isolated_power"),
    ("MRI Chiller", "mri-chiller", "MRI Chiller", "mri_chiller"),
    ("Med Gas 3", "medical-gas-3", "Medical Gas 3", "medical_gas"),
]


@pytest.mark.parametrize(("device", "space", "name", "kind"), PLACES)
def test_the_space_of_a_device(device, space, name, kind):
    verdict = classify(Evidence(name="AI 1", device=device))
    assert (verdict.space, verdict.space_name, verdict.space_type) == (space, name, kind)


@pytest.mark.parametrize(("device", "space", "name", "kind"), PLACES)
def test_the_space_of_a_point(device, space, name, kind):
    verdict = classify(Evidence(name=f"{device} temp"))
    assert (verdict.space_name, verdict.space_type) == (name, kind)
    assert verdict.space == space


def test_each_gas_of_a_panel_is_watched_by_itself():
    oxygen = classify(Evidence(name="MGA.O2-PRESS", device="Med Gas Area Alarm Surgery"))
    vacuum = classify(Evidence(name="MGA.VAC-PRESS", device="Med Gas Area Alarm Surgery"))
    assert (oxygen.space, oxygen.space_type) == ("med-gas-area-alarm-surgery-oxygen", "medical_gas_oxygen")
    assert (vacuum.space, vacuum.space_type) == ("med-gas-area-alarm-surgery-vacuum", "medical_gas_vacuum")


def test_what_a_room_is_compared_with_is_not_where_it_is():
    verdict = classify(Evidence(name="AI 3", description="Sterile storage differential pressure to corridor"))
    assert verdict.space == "sterile-storage"


def test_an_anteroom_is_not_its_room():
    ante = classify(Evidence(name="MC.AII-1A:ROOM PRESS", description="Isolation room 1 anteroom pressure"))
    room = classify(Evidence(name="MC.AII-1:ROOM PRESS", device_description="Isolation room 1 with anteroom"))
    assert (ante.space_type, room.space_type) == ("aii_anteroom", "aii_isolation")


def test_an_air_handler_is_in_no_room_it_serves():
    verdict = classify(Evidence(name="AHU-4.SAT", device="AHU-4", device_description="Serves operating rooms"))
    assert (verdict.space, verdict.equipment, verdict.safety) == (None, "ahu-4", Safety.CRITICAL)


def test_a_box_is_not_the_air_handler_that_feeds_it():
    verdict = classify(Evidence(name="ZN-T", device="VAV-2-14", device_description="VAV box served by AHU-1"))
    assert (verdict.equipment, verdict.equipment_type) == ("vav-2-14", "vav")


@pytest.mark.parametrize(
    ("name", "equipment", "kind"),
    [
        ("AHU-1.SAT", "ahu-1", "ahu"),
        ("VAV_3_12/ZN-T", "vav-3-12", "vav"),
        ("NAE 01 N2 1 VMA111 ZN T", "vma-111", "vav"),
        ("ACAD.AHU.AHU01.CCV", None, "ahu"),
        ("third floor/fcu-18b/fan status", "fcu-18b", "fcu"),
        ("Chiller 2 status", "chiller-2", "chiller"),
    ],
)
def test_the_machine_of_a_point(name, equipment, kind):
    verdict = classify(Evidence(name=name))
    assert (verdict.equipment, verdict.equipment_type) == (equipment, kind)


@pytest.mark.parametrize(
    ("evidence", "wanted"),
    [
        (Evidence(name="DP", device="OR-3 Room Controller", unit="pascals"), "room-pressure"),
        (Evidence(name="AHU-1.DSP", unit="pascals"), "pressure"),
        (Evidence(name="Temp", device="BBR-1", unit="degrees-celsius"), "refrigerator-temperature"),
        (Evidence(name="O2 PRESS", device="Med Gas Panel"), "medical-gas-pressure"),
        (Evidence(name="THC", device="LIM-1", unit="milliamperes"), "isolated-power"),
        (Evidence(name="AV 06", description="Zone cooling setpoint", object_type="analog-value"), "cooling-setpoint"),
        (Evidence(name="HTG-SP", unit="degrees-celsius"), "heating-setpoint"),
        (Evidence(name="AI 9", unit="luxes"), "illuminance"),
        (Evidence(name="Zone 3 Lights", object_type="binary-output"), "lighting-command"),
        (Evidence(name="Zone 3 Lights", object_type="lighting-output"), "lighting-level"),
        (Evidence(name="SF-C", object_type="binary-output"), "start-stop-command"),
        (Evidence(name="SF-S", object_type="binary-input"), "status"),
        (Evidence(name="Main kWh", unit="kilowatt-hours"), "energy-meter"),
        (Evidence(name="Main kW", unit="kilowatts"), "power-meter"),
        (Evidence(name="ZN-T", unit="cubic-feet-per-minute"), "flow"),  # the unit is believed before the name
        (Evidence(name="SDH.S5-18:CTL FLOW MIN"), "airflow-setpoint"),
        (Evidence(name="421_U10_CLG_VLV"), "valve"),
        (Evidence(name="zq7"), "unknown"),
    ],
)
def test_the_class_of_a_point(evidence, wanted):
    assert classify(evidence).point_class == wanted


def test_a_point_gets_all_that_is_known_of_it():
    where = DeviceRef(network=0, address="10.0.0.1", instance=7)
    device = Device(id=DeviceId("vav-2-14"), ref=where, name="VAV-2-14", description="VAV box of office 214")
    point = Point(
        id=PointId("vav-2-14/htg-sp"),
        device=device.id,
        ref=Ref(device=where, object_type="analog-value", instance=1),
        name="HTG-SP",
        kind=Kind.ANALOG,
        unit="degrees-celsius",
        commandable=True,
    )
    known, space = classified(point, device)
    assert space == Space(id="office-214", name="Office 214", type="admin_office")
    assert (known.point_class, known.safety, known.space) == ("heating-setpoint", Safety.COMFORT, "office-214")
    assert (known.equipment, known.equipment_type) == ("vav-2-14", "vav")
    assert known.confidence > 0.8
    assert (known.id, known.ref, known.unit) == (point.id, point.ref, point.unit)
