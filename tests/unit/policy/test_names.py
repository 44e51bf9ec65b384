from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.policy import ALLOW, Deny, NamePolicy

GATE = NamePolicy()


@pytest.mark.parametrize("name", ["a", "deposit", "x1", "a_b", "a__", "Ärger", "имя", "名前", "x" * 64, "class"])
def test_accepted(name: str) -> None:
    assert GATE.judge(name) is ALLOW


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "identifier"),
        ("1a", "identifier"),
        ("a.b", "identifier"),
        ("a b", "identifier"),
        ("a\0", "identifier"),
        ("a\u200d", "identifier"),
        ("\ud800", "identifier"),
        ("_a", "underscore"),
        ("__class__", "underscore"),
        ("_", "underscore"),
        ("a\uff53", "NFKC"),
        ("a\ufe4d", "NFKC"),
        ("ﬁx", "NFKC"),
        ("x" * 65, "long"),
        (b"deposit", "str"),
        (None, "str"),
        (1, "str"),
        (("deposit",), "str"),
        (["deposit"], "str"),
    ],
)
def test_refused(name: object, why: str) -> None:
    denial = GATE.judge(name)
    assert isinstance(denial, Deny)
    assert why in denial.reason


def test_a_name_that_becomes_an_underscore_is_refused() -> None:
    normal_underscore = [chr(code) for code in range(0x1_0000) if unicodedata.normalize("NFKC", chr(code)) == "_"]
    assert len(normal_underscore) == 7
    assert not any(GATE.judge(f"{character}private") for character in normal_underscore)


def test_what_a_subclass_of_str_says_is_not_asked() -> None:
    class Name(str):
        __slots__ = ()

        def startswith(self, *args: object) -> bool:
            raise AssertionError

        __len__ = __getitem__ = isidentifier = startswith  # type: ignore[assignment]

    assert not GATE.judge(Name("deposit"))


def test_the_length_is_a_setting() -> None:
    assert NamePolicy(characters=3).judge("abc")
    assert not NamePolicy(characters=3).judge("abcd")


@given(st.text(max_size=70))
def test_accepted_is_what_the_rule_says(name: str) -> None:
    legal = name.isidentifier() and len(name) <= 64 and name[0] != "_" and unicodedata.normalize("NFKC", name) == name
    assert bool(GATE.judge(name)) is legal
