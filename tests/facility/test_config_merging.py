"""Changes laid over a configuration of any style mean what the two mean together, and lose no comment."""

import tomllib

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from facility.config.merging import merged

NAMES = st.sampled_from(["a", "b", "c", "d"])
VALUES = (
    st.integers(0, 9) | st.text("xyz#[]=\"' ", max_size=6) | st.lists(st.integers(0, 3), max_size=2) | st.booleans()
)
KEYS = st.sampled_from(["one", "two", "a key"])


def entries(nested=None):
    """A list of tables, each of a name of its own."""
    fields = st.dictionaries(KEYS, VALUES, max_size=2)
    made = fields if nested is None else st.tuples(fields, nested).map(lambda both: {**both[0], "exceptions": both[1]})
    listed = st.lists(st.tuples(NAMES, made), min_size=1, max_size=3, unique_by=lambda each: each[0])
    return listed.map(lambda many: [{"name": name, **fields} for name, fields in many])


DOCUMENTS = st.fixed_dictionaries(
    {}, optional={"site": st.dictionaries(KEYS, VALUES, min_size=1), "policies": entries(entries() | st.just([]))}
)


def together(base, new):
    """What `merged` promises, said of the data."""
    out = dict(base)
    for key, value in new.items():
        old = out.get(key)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            by_name = {each["name"]: each for each in old or []}
            for entry in value:
                if entry.get("remove") is True:
                    del by_name[entry["name"]]
                else:
                    by_name[entry["name"]] = together(by_name.get(entry["name"], {}), entry)
            out[key] = list(by_name.values())
        elif isinstance(value, dict) and isinstance(old, dict):
            out[key] = together(old, value)
        else:
            out[key] = value
    return out


def without_empty(value):
    """No entries are no list."""
    if isinstance(value, dict):
        return {key: without_empty(each) for key, each in value.items() if each != [] or key == "one"}
    return [without_empty(each) for each in value] if isinstance(value, list) else value


def commented(text):
    """A comment above every header, and one behind it."""
    lines = text.splitlines()
    return "".join(
        f"# above {n}\n{line}  # of {n}\n" if line.startswith("[") else f"{line}\n" for n, line in enumerate(lines)
    )


def removal(base, name):
    return f'[[{base}]]\nname = "{name}"\nremove = true\n'


@pytest.mark.parametrize(
    "value",
    [
        "\"'''\"",
        '\'"""\'',
        '1  # """',
        '"""\n[[policies]]\nname = "b"\n"""',
        "'''\n[[policies]]\n''''",
        "[\n  [1, 2],\n  [3, 4]\n]",
        '["x", # [[policies]]\n]',
        '{ name = "b" }',
        '"\u2028[[policies]]"',
    ],
)
def test_what_looks_like_a_header_or_a_mark_within_a_value_is_none(value):
    text = f'[site]\none = {value}\n[[policies]]\nname = "a"\none = {value}\n[[policies]]\nname = "b"\n'
    rest = f'[site]\none = {value}\n[[policies]]\nname = "a"\none = {value}\n'
    assert merged(text, removal("policies", "b")) == rest
    assert merged(text, removal("policies", "a")) == f'[site]\none = {value}\n[[policies]]\nname = "b"\n'


@given(DOCUMENTS, DOCUMENTS, st.data())
def test_the_merged_text_says_what_both_say_together(base, new, data):
    for entry in new.get("policies", []):
        if entry["name"] in {each["name"] for each in base.get("policies", [])} and data.draw(st.booleans()):
            entry["remove"] = True
    text = commented(tomlkit.dumps(base))
    after = merged(text, tomlkit.dumps(new))
    assert without_empty(tomllib.loads(after)) == without_empty(together(base, new))
    taken_out = any(entry.get("remove") or entry.get("exceptions") == [] for entry in new.get("policies", []))
    if not taken_out:
        assert text.count("# above") == after.count("# above")


def test_a_list_of_tables_that_becomes_empty_takes_its_own_comments_and_no_other():
    text = (
        '[[policies]]\nname = "a"\n# the closure\n[[policies.exceptions]]\nname = "x"\n\n# the site\n[site]\none = 0\n'
    )
    after = merged(text, '[[policies]]\nname = "a"\nexceptions = []\n')
    assert tomllib.loads(after) == {"policies": [{"name": "a", "exceptions": []}], "site": {"one": 0}}
    assert "# the site" in after
    assert "# the closure" not in after


SITE = """\
# one
[[programmes]]
name = "office"

# about the lab
[[programmes]]
name = "lab"
[[programmes.exceptions]]
name = "x"

# about the clinic
[[programmes]]
name = "clinic"

# ---- policies

# the first
[[policies]]
name = "p"
# the end
"""


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        (
            '[[programmes]]\nname = "lab"\nremove = true\n',
            SITE[SITE.index("\n# about the lab") : SITE.index("\n# about the c")],
        ),
        ('[[programmes]]\nname = "clinic"\nremove = true\n', '\n# about the clinic\n[[programmes]]\nname = "clinic"\n'),
        (
            '[[programmes]]\nname = "lab"\n[[programmes.exceptions]]\nname = "x"\nremove = true\n',
            '[[programmes.exceptions]]\nname = "x"\n',
        ),
        ('[[policies]]\nname = "p"\nremove = true\n', '\n# the first\n[[policies]]\nname = "p"\n'),
    ],
)
def test_what_is_taken_out_takes_its_own_comment_and_no_other(changes, gone):
    assert SITE.count(gone) == 1
    assert merged(SITE, changes) == SITE.replace(gone, "")
