"""docs/reference/limits.md names every limit with its default."""

from __future__ import annotations

import re
from dataclasses import fields

import limpet
from tests.support.sources import ROOT

PAGE = (ROOT / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(?P<name>\w+)` \| `(?P<default>[^`]+)` \| (?P<reason>.+) \|$", re.MULTILINE)
ROWS = [match.groups() for match in ROW.finditer(PAGE)]


def test_every_limit_is_there_in_its_order() -> None:
    assert [name for name, _, _ in ROWS] == [field.name for field in fields(limpet.Limits)]


def test_every_default_is_right() -> None:
    defaults = {name: eval(default) for name, default, _ in ROWS}
    assert defaults == {field.name: field.default for field in fields(limpet.Limits)}


def test_every_number_has_a_reason() -> None:
    assert [name for name, _, reason in ROWS if len(reason) < 20] == []


def test_the_wire_protocol_repeats_the_numbers() -> None:
    wire = (ROOT / "docs" / "reference" / "wire-protocol.md").read_text(encoding="utf-8")
    section = wire.partition("### Limits that are not negotiated")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([a-z ]+) \| ([\d ]+) \| (?:ends|fails) the \w+ \|$", section, re.MULTILINE)
    limits = limpet.Limits()
    assert {name: int(number.replace(" ", "")) for name, number in rows} == {
        "objects held by the peer": limits.exports,
        "kept results": limits.promises,
        "references in a message": limits.references,
        "types remembered": limits.types,
        "bytes of a descriptor": limits.descriptor_bytes,
        "nesting of calls": limits.nested_calls,
        "values in a payload": limits.nodes,
        "nesting of values": limits.depth,
        "bits of an integer": limits.integer_bits,
        "keys that share a hash": limits.colliding_keys,
        "pongs not yet read": limits.pongs,
        "characters of a name": limpet.Profile.local().names.characters,
    }
