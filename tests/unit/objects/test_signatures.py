from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.objects.descriptors import read_descriptor
from limpet.objects.proxy_class import proxy_class
from limpet.objects.signatures import read_signature


@pytest.mark.parametrize(
    "text",
    [
        "()",
        "(amount)",
        "(amount: int = 3)",
        "(a, /, b, *, c=None)",
        "(*args, **kwargs)",
        "(a: dict[str, int], b=..., *rest: str, c: 'x' = 'y', **more)",
    ],
)
def test_what_a_method_shows_is_read_back(text: str) -> None:
    signature = read_signature(text)
    assert signature is not None
    [first, *others] = signature.parameters.values()
    assert first.name == "self"
    assert str(signature.replace(parameters=others)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(...)",
        "(",
        "(a): pass\nimport os\ndef g()",
        "(a) -> x: ...\nx = 1\nif 1",
        "(a, a)",
        "(self)",
        "(class)",
        "(a=" + "(" * 300 + ")" * 300 + ")",
        "(a\0)",
    ],
)
def test_what_shows_no_parameters_is_none(text: str) -> None:
    assert read_signature(text) is None


def test_nothing_of_it_runs(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    code = f"open({str(canary)!r}, 'w')"
    signature = read_signature(f"(a: {code}, b={code})")
    assert signature is not None
    inspect.signature(lambda: None)
    assert code in str(signature)
    assert not canary.exists()


@given(st.text(max_size=400))
def test_any_text_has_an_answer(text: str) -> None:
    signature = read_signature(f"({text})")
    assert signature is None or isinstance(str(signature), str)


def test_a_method_of_a_proxy_has_it() -> None:
    told: dict[str, Any] = {"name": "Account", "doc": "", "data": [], "operations": [], "interface": ""}
    methods = {"deposit": ["(amount: int = 3)", ""], "odd": ["(...)", ""]}
    cls: Any = proxy_class(read_descriptor({**told, "methods": methods}))
    assert str(inspect.signature(cls.deposit)) == "(self, /, amount: int = 3)"
    assert str(inspect.signature(cls.odd)) == "(self: 'Proxy', /, *args: 'object', **kwargs: 'object') -> 'Any'"


@pytest.mark.parametrize("text", [r"(sep='\n')", r"(pattern='\\d+')", "(brand=1)", "(x1if=2)"])
def test_what_a_repr_writes_is_read(text: str) -> None:
    assert read_signature(text) is not None


@pytest.mark.parametrize("text", [r"(pattern='\d+')", "(a=1if 2 else 3)", "(a=0x1for)", "(a=1.and 2)"])
def test_what_python_would_warn_of_is_not(text: str) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert read_signature(text) is None
    assert not seen
