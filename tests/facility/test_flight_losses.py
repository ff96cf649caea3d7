"""The flight recorder when the disk, the process or the recorder itself fails: what is lost is lost alone."""

import asyncio
from datetime import timedelta
from stat import S_IMODE

from test_flight import NOON, SENSOR, SITE, ZONE, Stage, written

from facility.config.loading import load_text
from facility.flight import recorder as recording
from facility.flight.recorder import WRITE_EVERY_S
from facility.replays import replayed


async def begun(tmp_path):
    stage = Stage(tmp_path)
    stage.read(ZONE, 21.5)
    stage.read(SENSOR, value=True)
    await stage.until(NOON + timedelta(minutes=5))
    await stage.recorder.flush()
    return stage


async def goes_on(stage):
    """People leave, and the evening comes."""
    since = stage.clock.now()
    stage.read(SENSOR, value=False)
    await stage.until(NOON + timedelta(hours=5))
    await stage.recorder.flush()
    told = replayed(stage.folder, NOON.date()).as_it_was
    assert told.mismatches == ()
    done = [write for write in stage.hands.writes if write[0] > since]
    assert done
    assert [write for write in written(told) if write[0] > since] == done
    return told


async def test_what_a_full_disk_took_is_counted_and_the_record_begins_anew(tmp_path, monkeypatch):
    stage = await begun(tmp_path)
    append = recording.append

    def half(path, lines):
        append(path, [b"".join(lines)[:40]])
        raise OSError("no space left on device")

    monkeypatch.setattr(recording, "append", half)
    stage.read(SENSOR, value=False)
    await stage.until(NOON + timedelta(hours=1))
    await stage.recorder.flush()
    assert stage.recorder.lost > 0
    assert "no space left" in stage.recorder.trouble
    monkeypatch.setattr(recording, "append", append)
    stage.read(SENSOR, value=True)
    await stage.until(NOON + timedelta(hours=2))
    await goes_on(stage)
    assert stage.recorder.trouble == ""


async def test_a_disk_that_hangs_costs_the_record_and_not_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "MOST_WAITING", 4)
    stage = await begun(tmp_path)
    for minute in range(20):
        stage.read(SENSOR, value=bool(minute % 2))
        await stage.until(NOON + timedelta(minutes=10 + minute))
        assert len(stage.recorder._waiting) < 8
    assert stage.recorder.lost > 0
    monkeypatch.undo()
    await goes_on(stage)


async def test_a_line_that_was_torn_by_a_kill_does_not_take_the_next_start_with_it(tmp_path):
    stage = await begun(tmp_path)
    (file,) = stage.folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-20])
    stage.restart()
    told = await goes_on(stage)
    assert told.decisions == 3  # the round before the kill is lost, and nothing else
    assert replayed(stage.folder, NOON.date()).damaged == 1


async def test_a_recorder_that_fails_never_raises_into_the_planner(tmp_path, monkeypatch):
    stage = await begun(tmp_path)
    monkeypatch.setattr(stage.recorder, "_turn", lambda *_, **__: 1 / 0)
    stage.read(SENSOR, value=False)
    await stage.until(NOON + timedelta(hours=1))
    assert "ZeroDivisionError" in stage.recorder.trouble
    monkeypatch.undo()
    stage.read(SENSOR, value=True)
    await stage.until(NOON + timedelta(hours=2))
    await goes_on(stage)


async def test_a_catalog_that_could_not_be_written_is_written_later(tmp_path, monkeypatch):
    stage = Stage(tmp_path)
    write = recording.write_catalog

    def refuse(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(recording, "write_catalog", refuse)
    await stage.until(NOON)
    await stage.recorder.flush()
    monkeypatch.setattr(recording, "write_catalog", write)
    stage.read(ZONE, 21.5)
    stage.read(SENSOR, value=True)
    await stage.until(NOON + timedelta(minutes=2))
    await goes_on(stage)


async def test_days_are_packed_while_the_agent_runs(tmp_path):
    stage = await begun(tmp_path)
    old = stage.folder / "2026-11-01.jsonl"
    task = asyncio.create_task(stage.recorder.run())
    try:
        async with asyncio.timeout(30):
            await asyncio.sleep(0.05)
            old.write_bytes(b"")  # left from a month ago, and found at the next midnight
            stage.clock.advance(days=1)
            while old.exists():
                stage.clock.advance(seconds=WRITE_EVERY_S)
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert sorted(path.name for path in stage.folder.glob("*.jsonl*")) == ["2026-11-24.jsonl.gz"]


async def test_the_record_is_for_the_agents_account_alone(tmp_path):
    stage = await begun(tmp_path)
    stage.clock.advance(days=1)
    await stage.until(stage.clock.now())
    await stage.recorder.flush()
    stage.recorder._tidy()
    files = list(stage.folder.iterdir())
    assert {"".join(path.suffixes) for path in files} == {".jsonl.gz", ".jsonl", ".json.gz"}
    assert {S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert S_IMODE(stage.folder.stat().st_mode) == 0o700


async def test_a_site_with_secrets_is_replayed_without_them_and_by_its_own_words_alone(tmp_path, monkeypatch):
    secrets = '\n[mqtt]\nhost = "broker"\n[demand_response.openadr]\nurl = "https://vtn.example"\nclient_id = "mercy"\n'
    monkeypatch.setenv("FACILITY_MQTT__PASSWORD", "hunter2-mqtt")
    monkeypatch.setenv("FACILITY_DEMAND_RESPONSE__OPENADR__CLIENT_SECRET", "hunter2-vtn")
    site = load_text(SITE + secrets, "x")
    monkeypatch.delenv("FACILITY_DEMAND_RESPONSE__OPENADR__CLIENT_SECRET")
    stage = Stage(tmp_path)
    stage.strategy.take(site, NOON.date())
    await stage.day()
    assert not any(b"hunter2" in path.read_bytes() for path in stage.folder.iterdir())
    monkeypatch.setenv("FACILITY_SITE__ZONE", "Europe/Berlin")  # of the machine on which it is replayed
    told = replayed(stage.folder, NOON.date())
    assert told.zone == "America/Chicago"
    assert told.as_it_was.mismatches == ()


async def test_a_replay_may_add_what_that_day_had_none_of_and_take_out_what_it_had(tmp_path):
    stage = Stage(tmp_path)
    await stage.day()
    added = """\
[[calendars]]
name = "closed"
days = ["2026-11-24"]
[[programmes]]
name = "office"
[[programmes.exceptions]]
name = "closed"
calendar = "closed"
[[policies]]
name = "standby"
remove = true
"""
    told = replayed(stage.folder, NOON.date(), added)
    assert [write.value for write in told.apart.new] == [16.0]
    assert {write.value for write in told.apart.gone} == {21.0, 20.5, 24.5, None}
