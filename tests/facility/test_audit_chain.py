"""Whoever changes the audit is found out, and what he changed is named."""

import asyncio
import json
import sqlite3
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tampering import NOON, Folder, hash_anew, rewrite

from facility.audit.chain import BEGINNING, Chain, Witnessed, link
from facility.audit.proof import export
from facility.audit.record import NAMES, Entry, in_columns
from facility.database import StateUnavailable

LATER = NOON + timedelta(hours=2)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Ten entries, then an anchor."""
    folder = Folder(tmp_path_factory.mktemp("audit"))
    asyncio.run(folder.write(5))
    return folder


@pytest.fixture
def folder(written, tmp_path):
    copy = written.copied_to(tmp_path / "state")
    copy.anchor_file = tmp_path / "anchors.jsonl"
    copy.anchor_file.write_bytes(written.anchor_file.read_bytes())
    return copy


def test_an_audit_as_it_was_written_has_no_fault(folder):
    found = folder.check(folder.anchor_file)
    assert (found.entries, found.last, found.anchors, found.faults) == (10, 10, 1, [])
    assert found.says == "chain whole: 10 entries, 1 anchors"


@pytest.mark.parametrize("column", [name for name in NAMES if name not in ("seq", "of", "priority", "time")])
def test_an_edited_column_is_named_with_its_entry(folder, column):
    with folder.forced() as connection:
        connection.execute(f"UPDATE audit SET {column} = 'another' WHERE seq = 7")
    assert folder.named() == [f"entry 7: was changed (column {column}: it was written otherwise)"]


@pytest.mark.parametrize(
    ("column", "value"), [("time", "2026-03-01 12:00:00.000001"), ("time", b"\xff"), ("priority", 15), ("of", None)]
)
def test_an_edited_time_level_or_reference_is_named_too(folder, column, value):
    with folder.forced() as connection:
        connection.execute(f"UPDATE audit SET {column} = ? WHERE seq = 4", (value,))
    assert folder.named() == [f"entry 4: was changed (column {column}: it was written otherwise)"]


def test_an_edited_value_is_named_although_its_column_was_edited_with_it(folder):
    with folder.forced() as connection:
        rewrite(connection, 7, value="21.0")
    assert folder.named() == ["entry 7: was changed (its bytes are not those that were hashed)"]


def test_an_edit_that_was_hashed_anew_is_named_by_the_entry_after_it(folder):
    with folder.forced() as connection:
        rewrite(connection, 7, value="21.0")
        (previous, canonical) = connection.execute("SELECT previous, canonical FROM audit WHERE seq = 7").fetchone()
        connection.execute("UPDATE audit SET hash = ? WHERE seq = 7", (link(previous, canonical),))
    (fault,) = folder.check().faults
    assert fault.seq == 7
    assert fault.text.startswith("entry 7: was changed (it has been hashed anew")


@pytest.mark.parametrize("change", ["hash = 'ff'", "previous = 'no hash'", "canonical = x''", "canonical = 'text'"])
def test_a_chain_that_was_cut_is_named_where_it_was_cut(folder, change):
    with folder.forced() as connection:
        connection.execute(f"UPDATE audit SET {change} WHERE seq = 5")
    assert [fault.seq for fault in folder.check().faults] == [5]


@pytest.mark.parametrize(
    ("gone", "named"),
    [((6,), "entry 6 is missing"), ((1,), "entry 1 is missing"), ((3, 4), "entries 3 to 4 are missing")],
)
def test_a_deletion_is_named(folder, gone, named):
    with folder.forced() as connection:
        connection.execute(f"DELETE FROM audit WHERE seq IN ({', '.join(map(str, gone))})")
    assert folder.named() == [named]


def test_a_deletion_is_named_although_the_rest_was_hashed_anew(folder):
    with folder.forced() as connection:
        connection.execute("DELETE FROM audit WHERE seq = 6")
        hash_anew(connection, 5)
    assert folder.named()[0] == "entry 6 is missing"


@pytest.mark.parametrize(("one", "other"), [(6, 7), (3, 8)])
def test_a_swap_is_named(folder, one, other):
    with folder.forced() as connection:
        for was, becomes in ((one, -1), (other, one), (-1, other)):
            connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (becomes, was))
    assert folder.named() == [f"entries {other} and {one} are swapped"]


def test_a_truncation_is_named_by_the_databases_own_counter(folder):
    with folder.forced() as connection:
        connection.execute("DELETE FROM audit WHERE seq > 6")
        connection.execute("DELETE FROM audit_anchors")
    assert folder.named() == ["the audit ends at 6, but the database has counted to 10: entries 7 to 10 are missing"]


async def test_a_truncation_is_named_although_the_agent_went_on(folder):
    with folder.forced() as connection:
        connection.execute("DELETE FROM audit WHERE seq > 6")
        connection.execute("DELETE FROM audit_anchors")
    await folder.write(1, start=LATER, anchors=False)
    assert folder.named() == ["entries 7 to 10 are missing"]


def test_a_truncation_with_its_counter_is_named_by_an_anchor(folder):
    with folder.forced() as connection:
        connection.execute("DELETE FROM audit WHERE seq > 6")
        connection.execute("UPDATE sqlite_sequence SET seq = 6")
    (named,) = folder.named()
    assert named == (
        "the audit ends at 6, but entry 10 was anchored at 2026-03-01 12:00:11Z (database): "
        "entries 7 to 10 are missing, or an old copy was put in place"
    )


async def test_a_restored_old_copy_is_named_by_the_anchor_file(folder, tmp_path):
    old = folder.copied_to(tmp_path / "old")
    await folder.write(3, start=LATER)
    old.anchor_file = folder.anchor_file
    assert old.named() == []  # by itself it is whole
    (named,) = old.named(old.anchor_file)
    assert named == (
        f"the audit ends at 10, but entry 16 was anchored at 2026-03-01 14:00:07Z ({old.anchor_file}): "
        "entries 11 to 16 are missing, or an old copy was put in place"
    )


@pytest.mark.parametrize(
    "printed",
    [
        '{{"event": "audit anchored", "level": "info", "timestamp": "2026-03-01T14:00:07Z", {inner}}}',
        'Mar 01 14:00:07 bms facility[811]: {{"event": "audit anchored", {inner}}}',
        "{journal}",
        "fac/v1/st-mary/main/audit/head {{{inner}}}",
    ],
)
async def test_a_restored_old_copy_is_named_by_what_the_journal_or_mqtt_kept(folder, tmp_path, printed):
    old = folder.copied_to(tmp_path / "old")
    anchor = await folder.write(3, start=LATER)
    inner = anchor.line.decode()[1:-1]
    journal = json.dumps({"__CURSOR": "s=1", "MESSAGE": f"{{{inner}}}"})
    kept = tmp_path / "journal.txt"
    kept.write_text("something else\n" + printed.format(inner=inner, journal=journal) + '\n{"other": 1}\n')
    assert [fault.seq for fault in old.check(kept).faults] == [11]


async def test_an_old_copy_in_which_the_agent_went_on_is_named_where_it_departs(folder, tmp_path):
    old = folder.copied_to(tmp_path / "old")
    await folder.write(3, start=LATER)
    old.anchor_file = tmp_path / "another.jsonl"
    await old.write(8, start=LATER + timedelta(hours=1))
    (named,) = old.named(folder.anchor_file)
    assert named == (
        f"entry 16 is not the one that was anchored at 2026-03-01 14:00:07Z ({folder.anchor_file}); "
        "what was changed is among the entries 11 to 16"
    )


async def test_a_history_that_was_rewritten_as_a_whole_is_named_by_the_anchor(folder):
    with folder.forced() as connection:
        rewrite(connection, 3, reason="nothing happened")
        hash_anew(connection, 3)
        connection.execute("DELETE FROM audit_anchors")
    assert folder.named() == []  # nothing in the database can tell
    (named,) = folder.named(folder.anchor_file)
    assert named.startswith("entry 10 is not the one that was anchored at 2026-03-01 12:00:11Z")
    assert named.endswith("what was changed is among the entries 1 to 10")


def test_an_anchor_that_was_forged_is_named(folder):
    line = json.loads(folder.anchor_file.read_text())
    folder.anchor_file.write_text(json.dumps({**line, "hash": "00" * 32}))
    (named,) = folder.named(folder.anchor_file)
    assert named.startswith(f"the anchor of entry 10 of 2026-03-01T12:00:11.000000Z ({folder.anchor_file})")
    assert named.endswith("was changed (it is not what was signed)")


def test_an_anchor_of_an_unknown_key_says_what_to_give(folder):
    faults = folder.check(folder.anchor_file, keys={}).faults
    assert all("give its public half with --key" in fault.text for fault in faults)
    assert len(faults) == 2  # in the database and in the file


@pytest.mark.parametrize("change", ["UPDATE audit_anchors SET hash = ''", "DELETE FROM audit_anchors"])
def test_anchors_cannot_be_changed_either(folder, change):
    connection = sqlite3.connect(folder.database)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(change)
    connection.close()


def test_a_file_that_is_no_audit_is_an_error_in_words(folder, tmp_path):
    (tmp_path / "no.db").write_bytes(b"no database at all, whatever its name may say" * 50)
    with pytest.raises(StateUnavailable, match="cannot be read"):
        export(tmp_path / "no.db", {}, print)
    with pytest.raises(StateUnavailable, match=r"The anchors in .* cannot be read: No such file"):
        folder.check(tmp_path / "missing.jsonl")


def rows_of(count):
    """What the table holds, as a chain of notes."""
    previous, rows = BEGINNING, []
    for seq in range(1, count + 1):
        text = f"{seq} °C, it’s “so”"
        entry = Entry(seq=seq, kind="note", time=NOON + timedelta(seconds=seq), by="user:a", target="x/y", reason=text)
        hashed = link(previous, entry.canonical)
        fields = in_columns(json.loads(entry.canonical))
        rows.append({**fields, "canonical": entry.canonical, "previous": previous, "hash": hashed})
        previous = hashed
    return rows


def faults_of(rows, anchors=()):
    chain = Chain(anchors)
    for row in rows:
        chain.take(row)
    return chain.faults()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_changed_byte_of_any_record_is_named_at_exactly_its_entry(data):
    rows = rows_of(6)
    which = data.draw(st.integers(0, 5))
    canonical = rows[which]["canonical"]
    at = data.draw(st.integers(0, len(canonical) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != canonical[at]))
    rows[which]["canonical"] = canonical[:at] + bytes([byte]) + canonical[at + 1 :]
    assert [fault.seq for fault in faults_of(rows)] == [which + 1]


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(1, 8), min_size=1, max_size=7))
def test_any_set_of_deleted_entries_is_named(gone):
    left = [row for row in rows_of(8) if row["seq"] not in gone]
    end = Witnessed(seq=8, hash=rows_of(8)[-1]["hash"], time=NOON, where="file")
    named = set()
    for fault in faults_of(left, [end]):
        following = [row["seq"] for row in left if row["seq"] > fault.seq]
        named |= set(range(fault.seq, following[0] if following else 9))
    assert named == gone


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(8)))
def test_any_other_order_is_named(order):
    rows = rows_of(8)
    mixed = [{**rows[place], "seq": seq} for seq, place in enumerate(order, 1)]
    assert bool(faults_of(mixed)) == (list(order) != list(range(8)))
    named = " ".join(fault.text for fault in faults_of(mixed))
    assert all(str(seq) in named for seq, place in enumerate(order, 1) if place + 1 != seq)


def test_a_record_that_would_choke_a_parser_is_named_like_any_other():
    for poison in (b"[" * 100_000, b"9" * 10_000, b"\xff\xfe", b'{"seq":1}', b"null"):
        rows = rows_of(3)
        rows[1]["canonical"] = poison
        assert [fault.seq for fault in faults_of(rows)] == [2]
        rows[1]["hash"] = link(rows[1]["previous"], poison)
        assert 2 in [fault.seq for fault in faults_of(rows)]


@pytest.mark.parametrize("number", ["one", 2.0, True, None])
def test_a_record_whose_number_is_none_is_named_although_it_was_hashed_anew(number):
    rows = rows_of(2)
    forged = {**json.loads(rows[1]["canonical"]), "seq": number}
    rows[1]["canonical"] = json.dumps(forged, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    rows[1]["hash"] = link(rows[1]["previous"], rows[1]["canonical"])
    assert [fault.text for fault in faults_of(rows)] == ["entry 2: was changed (the number in its bytes is none)"]
