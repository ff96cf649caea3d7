"""Killed at every commit and at every write: on a device that nobody here wrote."""

from crash_sites import must_survive_every_death, rusty_bacnet


async def test_killed_at_every_commit_and_write_it_harms_nothing_and_leaves_nothing_behind(tmp_path):
    await must_survive_every_death(tmp_path, rusty_bacnet)
