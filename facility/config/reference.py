"""Writes the reference of `facility.toml`: `python -m facility.config.reference docs/configuration.md`.

The models say it all: keys, types, defaults, and the text under each field. A test fails when the file in the
repository is not what they say.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from facility.config.model import Config
from facility.config.section import Section

DEFAULT_FILE = Path("docs/configuration.md")

INTRODUCTION = """\
# Configuration

All of `facility.toml`. Made from the code by `python -m facility.config.reference`: do not edit.

Environment variables win over the file: `FACILITY_BACNET__ADDRESS=...` is `address` of `[bacnet]`. Between the two is
the folder of secrets, `$FACILITY_SECRETS_DIR`, with a file for each key (`mqtt__password`). An unknown key is an error.
`facility check` says what is wrong with a file, and what it would do.
"""

Schema = dict[str, Any]


def text() -> str:
    """The whole page."""
    document = _with_choices(_with_texts(Config.model_json_schema()))
    defs = document["$defs"]
    plain = {key: of for key, of in document["properties"].items() if not list(_models(of, defs))}
    parts = [INTRODUCTION, "\n".join(["## Before any section\n", *_table(plain, document.get("required", ()))])]
    for key, of in document["properties"].items():
        parts += _sections(key, of, defs)
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _sections(key: str, of: Schema, defs: Schema) -> Iterator[str]:
    """The section or sections of `key`, and then those inside of them."""
    for model in _models(of, defs):
        kind = model["properties"].get("kind", {}).get("const")
        head = f"[[{key}]]" if _many(of) else f"[{key}.name]" if _named(of) else f"[{key}]"
        heading = f'## `{head}` with `kind = "{kind}"`' if kind else f"## `{head}`"
        texts = [of.get("description") if _named(of) else None, model.get("description") or of.get("description")]
        said = " ".join(text.replace("\n", " ") for text in texts if text)
        inner = {name: field for name, field in model["properties"].items() if list(_models(field, defs))}
        plain = {name: field for name, field in model["properties"].items() if name not in inner and name != "kind"}
        said_in_full = [said, ""] if said else []
        yield "\n".join([heading, "", *said_in_full, *_table(plain, model.get("required", ()))])
        for name, field in inner.items():
            yield from _sections(f"{key}.{name}", field, defs)


def _models(of: Schema, defs: Schema) -> Iterator[Schema]:
    """The sections that a field holds, whichever way; none if it holds values."""
    if "$ref" in of:
        yield defs[_name(of["$ref"])]
    for branch in (*of.get("anyOf", ()), *of.get("oneOf", ())):
        yield from _models(branch, defs)
    for inside in (of.get("items"), of.get("additionalProperties")):
        if isinstance(inside, dict):
            yield from _models(inside, defs)


def _with_texts(document: Schema) -> Schema:
    """The same, each field with the text that stands under it in the code."""
    models = {model.__name__: model for model in _below(Section)}
    for schema, model in ((document, Config), *((of, models.get(name)) for name, of in document["$defs"].items())):
        for name, said in _texts(model) if model else ():
            schema["properties"].get(name, {}).setdefault("description", said)
    return document


def _below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from _below(each)


def _texts(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Fields and what is said of them, its own before those of what it is made from."""
    for each in model.__mro__:
        if not each.__module__.startswith(__package__):
            continue
        (found,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        for field, text in pairwise(found.body if isinstance(found, ast.ClassDef) else ()):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                    yield name, inspect.cleandoc(said)


def _with_choices(document: Schema) -> Schema:
    """The same; what refers to a list of choices holds them itself, so that all that is referred to are sections."""
    choices = {name: of for name, of in document["$defs"].items() if "properties" not in of}

    def resolved(part: Any) -> Any:
        if isinstance(part, dict):
            chosen = choices.get(_name(part.get("$ref", "")), {})
            return {**chosen, **{key: resolved(value) for key, value in part.items() if not chosen or key != "$ref"}}
        return [resolved(each) for each in part] if isinstance(part, list) else part

    whole: Schema = resolved(document)
    return whole | {"$defs": {name: of for name, of in whole["$defs"].items() if name not in choices}}


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _many(of: Schema) -> bool:
    return "items" in of


def _named(of: Schema) -> bool:
    return isinstance(of.get("additionalProperties"), dict)


def _table(fields: Schema, required: Iterable[str]) -> Iterator[str]:
    yield "| key | type | default | |"
    yield "|---|---|---|---|"
    for key, of in fields.items():
        default = "**required**" if key in set(required) else _shown(of.get("default"))
        said = of.get("description", "").replace("\n", " ").replace("|", "\\|")
        yield f"| `{key}` | {_type(of)} | {default} | {said} |"


def _shown(default: object) -> str:
    return "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"


def _type(of: Schema) -> str:
    if "anyOf" in of:
        return " or ".join(dict.fromkeys(_type(branch) for branch in of["anyOf"] if branch.get("type") != "null"))
    if "enum" in of:
        return ", ".join(f"`{choice}`" for choice in of["enum"])
    if "const" in of:
        return f"`{of['const']}`"
    if of.get("type") == "array":
        return f"list of {_type(of['items'])}"
    if of.get("type") == "object":
        return f"name = {_type(_values(of))}"
    named = {"path": "path", "date": "date", "password": "secret"}.get(of.get("format", ""), of["type"])
    return f"{named}{_bounds(of)}"


def _values(of: Schema) -> Schema:
    """What the names of a table stand for; names may have a form of their own."""
    of_a_form: Schema = of.get("patternProperties", {})
    named: Schema = next(iter(of_a_form.values()), of.get("additionalProperties", {}))
    return named


def _bounds(of: Schema) -> str:
    low = next(
        (f"{word} {of[key]:,}" for key, word in (("minimum", "from"), ("exclusiveMinimum", "over")) if key in of), ""
    )
    high = f"to {of['maximum']:,}" if "maximum" in of else ""
    return "".join(f" {bound}" for bound in (low, high) if bound).replace(",", "\u202f")


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE
    path.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
