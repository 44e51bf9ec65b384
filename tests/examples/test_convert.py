"""The converter: what the program says, its server used by hand, and its sums."""

from __future__ import annotations

import pytest

import limpet
from examples.convert import UNITS, convert, units
from tests.support.programs import run, serving, started

SERVICE = "examples.convert:convert,units"


def test_the_program() -> None:
    out, _ = run("convert.py")
    assert out.splitlines() == [
        "units of length: m km ft mi",
        "26.2 mi = 42.165 km",
        "6 ft = 1.8288 m",
        "150 lb = 68.039 kg",
        "451 F = 232.78 C",
        "convert(1, 'mi', 'kg'): ValueError: mi is a unit of length, kg one of mass",
        "convert(1, 'parsec', 'km'): ValueError: there is no unit 'parsec', only m, km, ft, mi, kg, lb, K, C, F",
        "convert('many', 'mi', 'km'): TypeError: can't multiply sequence by non-int of type 'float'",
        "convert(1, 'mi'): TypeError: convert() missing 1 required positional argument: 'target'",
        "and the next call: -40 F = -40 C",
    ]


def test_by_hand() -> None:
    with (
        serving(SERVICE) as (url, _),
        started("-m", "limpet", "call", url, "convert", "26.2", "mi", "km") as client,
    ):
        assert float(client.communicate()[0]) == pytest.approx(42.1648128)
        assert client.returncode == 0


def test_only_the_functions_are_served() -> None:
    with serving(SERVICE) as (url, _), limpet.connect(url) as session:
        assert dir(session.open()) == ["convert", "units"]


@pytest.mark.parametrize("kind", ["length", "mass", "temperature"])
def test_there_and_back(kind: str) -> None:
    for source in units(kind):
        for target in units(kind):
            assert convert(convert(12.5, source, target), target, source) == pytest.approx(12.5)


@pytest.mark.parametrize(
    ("amount", "source", "target", "result"),
    [
        (1, "mi", "m", 1_609.344),
        (0, "C", "K", 273.15),
        (32, "F", "C", 0),
        (-40, "C", "F", -40),
        (1, "lb", "kg", 0.45359237),
    ],
)
def test_known_amounts(amount: float, source: str, target: str, result: float) -> None:
    assert convert(amount, source, target) == pytest.approx(result)


def test_each_kind_has_units() -> None:
    assert {unit for kind in ("length", "mass", "temperature") for unit in units(kind)} == set(UNITS)
