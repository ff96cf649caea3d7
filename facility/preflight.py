"""Whether devices can be found from here with this configuration, proven on the network before an agent runs.

Opens the BACnet socket like an agent would, sends a few bounded Who-Is, writes nothing anywhere. A
socket that cannot be opened is a finding like any other.
"""

from __future__ import annotations

from facility.catalog_rows import stored_catalog
from facility.config.model import Config
from facility.settings import discovery_plan, must_be_usable, stack_settings
from points.bacnet.link import Interface
from points.bacnet.stack import open_stack
from points.discovery.preflight import Finding, Level, preflight
from points.errors import BacnetUnavailable
from points.model import DeviceRef


async def findings(config: Config, *, agent_runs: bool) -> list[Finding]:
    """What was found, the cause before its effects. Raises `PointsError` for a configuration that cannot be used."""
    must_be_usable(config)
    interface = Interface.parse(config.bacnet.address)
    try:
        async with open_stack(stack_settings(config, patient=False)) as stack:
            return await preflight(
                stack,
                stack,
                discovery_plan(config),
                _known(config),
                address=interface.host,
                prefix=interface.prefix,
                port=stack.port,
                foreign=config.bacnet.foreign is not None,
            )
    except BacnetUnavailable as error:
        advice = (
            f"An agent runs here and answers at {config.socket}: `facility devices` says what it hears. "
            "Stop it for as long as the preflight takes, if you need one."
        )
        return [Finding(level=Level.PROBLEM, text=str(error), advice=advice if agent_runs else "")]


def _known(config: Config) -> list[DeviceRef]:
    """The devices that are listed, and those that an earlier discovery found."""
    listed = [DeviceRef(network=d.network, address=d.address, instance=d.instance) for d in config.bacnet.devices]
    found = stored_catalog(config.state_dir / "state.db").devices.values()
    return list(dict.fromkeys([*listed, *(device.ref for device in found if device.present)]))
