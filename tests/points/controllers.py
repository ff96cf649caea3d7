"""Controllers as discovery meets them, and a discovery among them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from pretend import START, PretendBacnet, PretendDevice

from points.bacnet.port import Answer, Datum
from points.catalog import Catalog
from points.discovery import Discovered, DiscoveryPlan, Progress, discover, plain
from points.discovery.plan import Describe
from points.model import EventKind

RPM, COV = 14, 5
SERVICES = tuple(bit in (RPM, COV) for bit in range(40))


AT_ONCE = 10**9  # Who-Is a minute: tests do not wait


def a_controller(instance: int = 100, name: str = "AHU-1", **knobs: object) -> PretendDevice:
    device = PretendDevice(instance, address=f"10.0.0.{instance % 250 + 1}:47808")
    device.has(
        "device",
        instance,
        object_name=name,
        vendor_name="Acme",
        model_name="X1",
        firmware_revision="1.2",
        serial_number="007",
        database_revision=1,
        protocol_services_supported=SERVICES,
        object_list=(f"device,{instance}",),
    )
    for knob, value in knobs.items():
        setattr(device, knob, value)
    return device


def add(device: PretendDevice, object_type: str, instance: int, name: str, **properties: Answer) -> None:
    device.has(object_type, instance, object_name=name, **properties)
    listed = device.properties["device", device.ref.instance, "object-list"]
    assert isinstance(listed, tuple)
    device.has("device", device.ref.instance, object_list=(*listed, f"{object_type},{instance}"))


def an_ahu(instance: int = 100, name: str = "AHU-1", **knobs: object) -> PretendDevice:
    device = a_controller(instance, name, **knobs)
    add(
        device,
        "analog-input",
        1,
        f"{name}.SAT",
        description="Supply air temperature",
        units="degrees-celsius",
        resolution=0.1,
        cov_increment=0.5,
        min_pres_value=-math.inf,
        max_pres_value=60.0,
        present_value=18.0,
    )
    slots: tuple[Datum, ...] = (None,) * 16
    add(device, "binary-output", 1, f"{name}.SF-C", inactive_text="Off", active_text="On", priority_array=slots)
    add(device, "multi-state-value", 1, f"{name}.MODE", number_of_states=3, state_text=("Off", "Auto", "Hand"))
    add(device, "trend-log", 1, f"{name}.TREND")
    return device


async def found(
    *devices: PretendDevice,
    known: Catalog | None = None,
    plan: DiscoveryPlan | None = None,
    seen: list[Progress] | None = None,
    bacnet: PretendBacnet | None = None,
    describe: Describe = plain,
    **more: Any,
) -> Discovered:
    return await discover(
        bacnet or PretendBacnet(*devices),
        replace(plan or DiscoveryPlan(), who_is_per_minute=AT_ONCE),
        known or Catalog(),
        describe=describe,
        progress=(seen if seen is not None else []).append,
        now=START,
        **more,
    )


def elsewhere(device: PretendDevice, address: str, network: int = 0) -> PretendDevice:
    """The same device at another address."""
    device.ref = replace(device.ref, address=address, network=network)
    return device


def kinds(discovered: Discovered) -> list[EventKind]:
    return [event.kind for event in discovered.events]
