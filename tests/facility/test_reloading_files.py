"""A configuration file that is not an ordinary one: a link, read-only, of Windows, edited at the last moment."""

import pytest
from test_rehearsals import ENGINEER, LATER, SITE, bench_at

from facility.config.loading import load_text
from facility.config.merging import merged
from facility.config.sources import text_of
from facility.port import FacilityError

MONDAY = (2026, 11, 23, 12)


async def applied(bench):
    told = await bench.rehearse(days=1, changes=LATER)
    return await bench.reloading.apply(ENGINEER, bench.rehearsals, told.id, "closes early")


async def results(bench):
    return [each.result for each in await bench.audit.records(None, 20) if each.action == "apply configuration"]


async def test_a_link_stays_a_link_and_the_file_behind_it_is_written(tmp_path):
    async with bench_at(tmp_path, *MONDAY) as bench:
        real = tmp_path / "versioned"
        real.mkdir()
        file = bench.path.rename(real / "site.toml")
        file.chmod(0o640)
        bench.path.symlink_to(file)
        await applied(bench)
        assert bench.path.is_symlink()
        assert file.read_text() == SITE.replace('"07:00', '"08:00')
        assert file.stat().st_mode & 0o777 == 0o640
        assert [each.name for each in real.iterdir()] == ["site.toml"]


async def test_a_file_that_may_only_be_read_is_not_replaced_and_the_record_says_so(tmp_path):
    async with bench_at(tmp_path, *MONDAY) as bench:
        bench.path.chmod(0o444)
        with pytest.raises(FacilityError, match="may only be read"):
            await applied(bench)
        assert bench.path.read_text() == SITE
        assert bench.strategy.programmes["office"].week[0][0].at.hour == 7
        assert any("failed, nothing has changed" in result for result in await results(bench))


async def test_an_edit_at_the_last_moment_is_not_overwritten(tmp_path):
    async with bench_at(tmp_path, *MONDAY) as bench:
        note = bench.audit.note

        async def slow(**said):
            if bench.path.read_text() == SITE:
                bench.path.write_text(SITE + "# by hand\n")
            return await note(**said)

        bench.audit.note = slow
        with pytest.raises(FacilityError, match="has been edited since"):
            await applied(bench)
        assert bench.path.read_text() == SITE + "# by hand\n"
        assert bench.strategy.programmes["office"].week[0][0].at.hour == 7


async def test_a_file_of_windows_keeps_its_line_ends(tmp_path):
    async with bench_at(tmp_path, *MONDAY) as bench:
        bench.path.write_bytes(b"\xef\xbb\xbf" + SITE.replace("\n", "\r\n").encode())
        await applied(bench)
        assert bench.path.read_bytes() == SITE.replace('"07:00', '"08:00').replace("\n", "\r\n").encode()


def test_a_mark_of_the_byte_order_is_no_error(tmp_path):
    file = tmp_path / "facility.toml"
    file.write_bytes(b"\xef\xbb\xbf" + SITE.encode())
    assert text_of(file) == SITE


@pytest.mark.parametrize("base", [SITE.rstrip("\n"), "policies = []\n", "", SITE.replace("\n", "\r\n")])
def test_an_entry_is_added_to_any_file(base):
    added = '[[policies]]\nkind = "lead-lag"\nname = "pumps"\nenabled = false\nmachines = "equipment:pump-*"\n'
    text = merged(base, added)
    assert text.count("[[policies]]") == base.count("[[policies]]") + 1
    assert ("\r\n" in base) == ("\r\n" in text)
    assert "\r\n" not in text or text.count("\n") == text.count("\r\n")
    assert merged(text, '[[policies]]\nname = "pumps"\nremove = true\n').count("pumps") == 0


async def test_a_rehearsal_that_would_take_too_much_memory_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("facility.rehearsals.MOST_WRITES", 10)
    monkeypatch.setattr("facility.rehearsal.course.STRETCH_S", 0.0)
    async with bench_at(tmp_path, *MONDAY) as bench:
        told = await bench.rehearse(days=31)
        assert (told.state, told.why) == ("failed", "that are more than 10 writes; rehearse fewer days")
        assert 10 < told.count < 20


def test_what_the_merged_text_says_is_what_was_meant():
    text = merged(SITE, '[[programmes]]\nname = "office"\n[[programmes.exceptions]]\nname = "x"\nfirst = 2026-12-24\n')
    text = merged(text, '[[programmes]]\nname = "office"\n[[programmes.exceptions]]\nname = "x"\nremove = true\n')
    assert load_text(text, "x").programmes == load_text(SITE, "x").programmes
