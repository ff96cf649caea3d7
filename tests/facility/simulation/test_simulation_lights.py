"""A simulated dimmer warns as a device does: blink, egress time, then off."""

from datetime import UTC, datetime, timedelta

from bacpypes3.primitivedata import Null, Real

from facility.simulation.objects import Face
from facility.simulation.rows import lo


async def test_a_dimmer_with_a_blink_warning_keeps_its_light_for_the_egress_time():
    spec = lo("1/dimmer", "Dim Level", 80.0, egress_seconds=300)
    face, now = Face(spec, 1), datetime(2026, 11, 24, 22, tzinfo=UTC)
    light = face.object

    async def after(seconds):
        await face.keep(now + timedelta(seconds=seconds))
        return face.effective, bool(light.egressActive)

    await light.write_property("presentValue", Real(-1.0), None, 15)
    assert (light._blinked, face.effective, light.priorityArray[14].null) == (1, 80.0, ())
    await light.write_property("presentValue", Real(-3.0), None, 15)
    assert light.priorityArray[14].null == ()  # nothing of it can be read back: why the agent does not use it
    assert await after(0) == (80.0, True)
    assert await after(299) == (80.0, True)
    assert await after(300) == (0.0, False)
    await light.write_property("presentValue", Real(60.0), None, 15)
    await light.write_property("presentValue", Real(-2.0), None, 15)
    assert await after(400) == (60.0, True)
    await light.write_property("presentValue", Real(70.0), None, 8)  # somebody stays
    assert await after(900) == (70.0, False)
    await light.write_property("presentValue", Real(-3.0), None, 15)  # below what holds: at once, and nobody sees it
    assert (face.effective, face.commanded_at) == (70.0, 8)
    await light.write_property("presentValue", Null(()), None, 8)
    assert face.effective == 0.0
