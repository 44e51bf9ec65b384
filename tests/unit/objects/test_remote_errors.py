"""Errors rebuilt from what the other side told: the right types, and nothing else, whatever it says."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet import errors
from limpet.errors import AccessDenied, CallTimeout, DecodeError, RemoteError
from limpet.limits import Limits
from limpet.objects.failures import CHAIN, OWNER, describe
from limpet.objects.remote_errors import _TABLE, rebuild
from limpet.policy.redaction import Level

EVIL = "\x1b[2J\r\n\u202e"


def told(name: str, *args: object, **fields: object) -> dict[str, object]:
    return {"type": name, "args": list(args), **fields}


def back(error: BaseException) -> Exception:
    """Return ``error`` after the way there."""
    return rebuild(describe(error, detail=Level.FULL, limits=Limits()), "far")


# ---------------------------------------------------------------- types


@pytest.mark.parametrize("name", [name for name in _TABLE if not name.startswith("builtins.Unicode")])
def test_types_of_the_table_come_back_as_themselves(name: str) -> None:
    error = rebuild(told(name, "why"), "far")
    assert f"{type(error).__module__}.{type(error).__qualname__}" == name
    assert error.args == ("why",)
    assert type(rebuild(told(name), "far")) is type(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a", 1),
        KeyError("key\n"),
        ZeroDivisionError("division by zero"),
        FileNotFoundError(2, "No such file"),
        OSError("no number"),
        OSError(),
        PermissionError(13, "Denied"),
        UnicodeDecodeError("utf-8", b"abc\xffdef", 3, 4, "invalid start byte"),
        UnicodeEncodeError("ascii", "abc\xe4\xf6", 3, 5, "not in range"),
        UnicodeError("bad"),
        SyntaxError("invalid syntax"),
        ImportError("cannot import"),
        AttributeError("no such thing"),
        RecursionError("too deep"),
        AccessDenied("nothing to see"),
        CallTimeout("late"),
    ],
    ids=repr,
)
def test_it_comes_back_equal(error: Exception) -> None:
    same = back(error)
    assert type(same) is type(error)
    assert str(same) == str(error)


def test_the_place_in_a_long_text_is_told_and_its_data_is_not_made_up() -> None:
    far = back(UnicodeDecodeError("utf-8", bytes(100_000) + b"\xff", 100_000, 100_001, "bad"))
    assert isinstance(far, UnicodeDecodeError)
    assert far.object == b"\xff"
    assert str(far) == "'utf-8' codec can't decode byte 0xff in position 0: bad (at 100000)"
    long = back(UnicodeDecodeError("utf-8", b"\xff" * 1_000, 10, 1_000, "bad"))
    assert str(long) == "'utf-8' codec can't decode bytes in position 10-999: bad"
    wide = rebuild(told("builtins.UnicodeDecodeError", "utf-8", b"\xff", 0, 1 << 70, "bad"), "far")
    assert isinstance(wide, UnicodeDecodeError)


@pytest.mark.parametrize(
    "name",
    [
        "builtins.SystemExit",
        "builtins.KeyboardInterrupt",
        "builtins.GeneratorExit",
        "builtins.StopIteration",
        "builtins.StopAsyncIteration",
        "builtins.BaseException",
        "builtins.eval",
        "os.system",
        "subprocess.Popen",
        "limpet.errors.SessionLost",
        "limpet.errors.ProtocolError",
        "limpet.errors.CallError",
        "concurrent.futures.CancelledError",
        "ValueError",
        "x",
        ".",
    ],
)
def test_every_other_type_is_a_remote_error_of_its_name(name: str) -> None:
    error = rebuild(told(name, "why"), "far")
    assert type(error).__mro__[1] is RemoteError
    assert isinstance(error, RemoteError)
    assert error.type_name == name
    assert type(error).__name__ == name.rpartition(".")[2]
    assert traceback.format_exception_only(error) == [f"limpet.remote.{name}: why\n"]
    assert type(rebuild(told(name, "other"), "near")) is type(error)


def test_what_str_said_there_it_says_here() -> None:
    error = rebuild(told("bank.Poor", 5, 2, text="need 5 have 2"), "far")
    assert str(error) == "need 5 have 2"
    assert error.args == (5, 2)
    assert str(rebuild(told("bank.Poor", 5, 2), "far")) == "(5, 2)"
    assert str(copy.copy(error)) == "need 5 have 2"


def test_to_pickle_one_never_imports_what_it_was_called() -> None:
    error = rebuild(told("antigravity.Error"), "far")
    with pytest.raises((pickle.PicklingError, ImportError)):
        pickle.dumps(error)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("builtins.UnicodeDecodeError", ["utf-8", "text", 0, 1, "bad"]),
        ("builtins.UnicodeDecodeError", ["utf-8", b"x", 5, 1, "bad"]),
        ("builtins.UnicodeDecodeError", ["utf-8", b"x", True, 1, "bad"]),
        ("builtins.UnicodeEncodeError", ["why"]),
        ("limpet.errors.AccessDenied2", []),
    ],
)
def test_what_does_not_fit_its_type_is_a_remote_error(name: str, args: list[object]) -> None:
    error = rebuild({"type": name, "args": args}, "far")
    assert isinstance(error, RemoteError)
    assert error.type_name == name
    assert error.args == tuple(args)


def test_a_unicode_error_without_arguments() -> None:
    assert type(rebuild({"type": "builtins.UnicodeDecodeError"}, "far")) is UnicodeError


def test_a_traceback_does_not_look_into_the_proxy_that_was_asked() -> None:
    class Proxy:
        def __getattr__(self, name: str) -> object:
            raise failure

        def __dir__(self) -> list[str]:
            raise AssertionError("asked over the network")

    for name in ("builtins.AttributeError", "limpet.errors.AccessDenied"):
        failure = rebuild(told(name, "balanse"), "far")
        with pytest.raises(AttributeError) as caught:
            Proxy().balanse  # noqa: B018
        assert caught.value.obj is None
        assert "balanse" in "".join(traceback.format_exception(caught.value))


# ---------------------------------------------------------------- text


@pytest.mark.parametrize("name", [*_TABLE, "bank.Poor"])
def test_no_control_character_is_printed(name: str) -> None:
    for args in (
        [EVIL],
        [EVIL, 1],
        [2, EVIL],
        [[EVIL]],
        ["utf-8", b"\x1b", 0, 1, EVIL],
        [EVIL, EVIL, 0, 1, EVIL],
        [EVIL, EVIL, 0, 2, "x"],
    ):
        fields: dict[str, object] = {"notes": [EVIL], "text": EVIL, "stack": [[EVIL, 1, EVIL, EVIL]]}
        error = rebuild(told(name, *args, **fields), EVIL.strip())
        assert "".join(traceback.format_exception(error)).replace("\n", "").isprintable()


def test_a_name_is_printed_without_control_characters() -> None:
    error = rebuild(told(f"bank.{EVIL}\0"), "far")
    assert isinstance(error, RemoteError)
    assert error.type_name.isprintable()
    assert len(rebuild(told("x" * 10_000), "far").type_name) == 200  # type: ignore[attr-defined]


def test_arguments_that_are_printed_by_repr_stay_what_they_are() -> None:
    assert rebuild(told("builtins.KeyError", EVIL), "far").args == (EVIL,)
    assert rebuild(told("builtins.ValueError", EVIL, 1), "far").args == (EVIL, 1)
    assert rebuild(told("builtins.ValueError", [EVIL]), "far").args == ([EVIL],)


def test_arguments_are_plain() -> None:
    class Proxy:
        __hash__ = None  # type: ignore[assignment]

        def __repr__(self) -> str:
            raise AssertionError("asked over the network")

    assert rebuild(told("builtins.ValueError", Proxy(), [Proxy()]), "far").args == ("<Proxy>", ["<Proxy>"])


# ---------------------------------------------------------------- what hangs on it


def test_the_stack_is_local_first_then_remote() -> None:
    def deposit() -> None:
        raise ValueError("no")

    def fetch(failure: object) -> None:
        raise rebuild(failure, "10.0.0.5:7373")

    with pytest.raises(ValueError, match="no") as there:
        deposit()
    with pytest.raises(ValueError, match="no") as caught:
        fetch(describe(there.value, detail=Level.FULL, limits=Limits()))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.name.partition("\n")[0] for frame in frames][-3:] == [
        "fetch",
        "test_the_stack_is_local_first_then_remote",
        "deposit",
    ]
    assert frames[-1].filename == f"<limpet 10.0.0.5:7373/{__file__.lstrip('/')}>"
    assert "".join(traceback.format_exception(caught.value)).endswith('    raise ValueError("no")\nValueError: no\n')


def test_notes_cause_context_and_suppression() -> None:
    cause, context = told("builtins.KeyError", 1), told("bank.Poor")
    error = rebuild(told("builtins.ValueError", cause=cause, notes=["see below"]), "far")
    assert error.__notes__ == ["see below"]
    assert isinstance(error.__cause__, KeyError)
    assert error.__suppress_context__
    error = rebuild(told("builtins.ValueError", context=context), "far")
    assert isinstance(error.__context__, RemoteError)
    assert not error.__suppress_context__
    assert rebuild(told("builtins.ValueError", suppress=True), "far").__suppress_context__


def test_groups() -> None:
    group = back(BaseExceptionGroup("two", [ValueError(1), SystemExit(2), ExceptionGroup("inner", [KeyError(3)])]))
    assert type(group) is ExceptionGroup
    assert group.message == "two"
    assert [type(member).__name__ for member in group.exceptions] == ["ValueError", "SystemExit", "ExceptionGroup"]
    assert all(isinstance(member, Exception) for member in group.exceptions)
    members = [told("builtins.ValueError")]
    own = rebuild({"type": "bank.Many", "members": members}, "far")
    assert isinstance(own, ExceptionGroup)
    assert own.message == "bank.Many: "
    assert isinstance(rebuild(told("builtins.ExceptionGroup", "none"), "far"), RemoteError)


def test_a_reference() -> None:
    error = rebuild({"reference": "4711"}, "far")
    assert type(error) is RemoteError
    assert str(error) == "the call failed; the log of far has the reason under 4711"
    assert str(rebuild({"reference": ""}, "far")) == "the call failed; the log of far has the reason"


def test_the_owner_is_kept() -> None:
    error = rebuild(told("builtins.ValueError", cause=told("builtins.KeyError")), "far", owner=7)
    assert error.__dict__[OWNER] == 7
    assert error.__cause__ is not None
    assert error.__cause__.__dict__[OWNER] == 7
    assert OWNER not in rebuild(told("builtins.ValueError"), "far").__dict__


# ---------------------------------------------------------------- refusals

FRAME = ["bank.py", 1, "f", ""]


@pytest.mark.parametrize(
    "failure",
    [
        None,
        [],
        {},
        {"type": ""},
        {"type": 3},
        {"type": "x", "other": 1},
        {"type": "x", 3: 1},
        {"type": "x", "args": "text"},
        {"type": "x", "args": (1,)},
        {"type": "x", "args": [0] * 33},
        {"type": "x", "text": b"bytes"},
        {"type": "x", "notes": [1]},
        {"type": "x", "notes": ["n"] * 33},
        {"type": "x", "stack": [FRAME] * 65},
        {"type": "x", "stack": [tuple(FRAME)]},
        {"type": "x", "stack": [FRAME[:3]]},
        {"type": "x", "stack": [["f", 1, "f", None]]},
        {"type": "x", "stack": [["f", True, "f", ""]]},
        {"type": "x", "stack": [["f", -1, "f", ""]]},
        {"type": "x", "stack": [["f", 1 << 31, "f", ""]]},
        {"type": "x", "members": {}},
        {"type": "x", "members": [1]},
        {"type": "x", "cause": 1},
        {"type": "x", "context": []},
        {"type": "x", "suppress": 1},
        {"type": "x", "suppress": False},
        {"reference": 3},
        {"reference": "3", "type": "x"},
    ],
    ids=repr,
)
def test_what_is_no_failure_is_refused(failure: object) -> None:
    with pytest.raises(DecodeError):
        rebuild(failure, "far")


@pytest.mark.parametrize("key", ["cause", "context"])
def test_chains_are_bounded(key: str) -> None:
    failure = told("x")
    for _ in range(CHAIN):
        failure = told("x", **{key: failure})
    rebuild(failure, "far")
    with pytest.raises(DecodeError):
        rebuild(told("x", **{key: failure}), "far")


def test_trees_are_bounded() -> None:
    failure = told("x")
    for _ in range(3):
        failure = told("x", members=[failure] * 32)
    with pytest.raises(DecodeError):
        rebuild(failure, "far")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(sorted(_TABLE)) | PLAIN},
        optional={
            key: PLAIN | st.lists(PLAIN, max_size=5)
            for key in ("args", "text", "notes", "stack", "members", "cause", "context", "suppress", "reference")
        },
    )
    | PLAIN
)
def test_junk_is_an_error_or_refused(failure: object) -> None:
    try:
        error = rebuild(failure, "far")
    except DecodeError:
        return
    assert isinstance(error, Exception)
    assert not isinstance(error, errors.SessionError)
    traceback.format_exception(error)


@given(st.sampled_from(sorted(_TABLE)), st.lists(PLAIN, max_size=6))
def test_any_arguments_make_some_error(name: str, args: list[object]) -> None:
    error = rebuild(told(name, *args), "far")
    assert "".join(traceback.format_exception(error)).replace("\n", "").isprintable()


def test_errors_are_made_by_the_table_alone() -> None:
    makers: list[Callable[..., Any]] = list(_TABLE.values())
    assert all(issubclass(type(make([])), Exception) for make in makers)


# ---------------------------------------------------------------- types of the user's


class Poor(Exception):
    def __init__(self, needed: int, there: int) -> None:
        super().__init__(needed, there)
        self.missing = needed - there


class Strange(OSError):
    def __init__(self) -> None:
        raise AssertionError


class Other(Exception):
    def __new__(cls, *_args: object) -> Any:
        return ValueError("something else")


TYPES: dict[str, type[Exception]] = {"bank.Poor": Poor, "bank.Strange": Strange}


def test_a_class_that_makes_something_else_is_an_error_by_name() -> None:
    error = rebuild(told("bank.Other", 1), "far", types={"bank.Other": Other})
    assert isinstance(error, RemoteError)
    assert error.type_name == "bank.Other"


def test_a_class_that_the_user_named_comes_back_as_itself() -> None:
    error = rebuild(told("bank.Poor", 5, 2), "far", types=TYPES)
    assert (type(error), error.args) == (Poor, (5, 2))
    assert error.missing == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("args", [(), (1,), ("a", "b")])
def test_one_whose_constructor_wants_something_else_has_its_arguments(args: tuple[Any, ...]) -> None:
    for name, cls in TYPES.items():
        error = rebuild(told(name, *args), "far", types=TYPES)
        assert (type(error), error.args) == (cls, args)


def test_a_text_for_it_is_made_fit_to_be_printed() -> None:
    assert str(rebuild(told("bank.Poor", "\x1b[2J"), "far", types=TYPES)) == r"\x1b[2J"


def test_it_is_not_looked_for_by_another_name() -> None:
    assert isinstance(rebuild(told("test.Poor", 5, 2), "far", types=TYPES), RemoteError)
