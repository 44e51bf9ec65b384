"""What is told of an error, at each level, and that nothing else is."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.codec.msgpack import MsgpackCodec
from limpet.errors import AccessDenied, CallTimeout, RemoteError, SessionLost
from limpet.limits import Limits
from limpet.objects.failures import CHAIN, FAILURES, OWNER, describe
from limpet.objects.remote_errors import rebuild
from limpet.policy.redaction import Level

LIMITS = Limits()
SECRET = "correct-horse-battery"
FULL, SERVED, REFERENCE = Level.FULL, Level.SERVED, Level.REFERENCE


class Poor(Exception):
    def __init__(self, need: int, have: int) -> None:
        super().__init__(need, have)

    def __str__(self) -> str:
        return "need {} have {}".format(*self.args)


class Hidden:
    def __repr__(self) -> str:
        return SECRET


def served(source: str, **names: object) -> Any:
    """Return ``f`` of a made-up module ``bank``."""
    space: dict[str, Any] = {"__name__": "bank", **names}
    exec(compile(source, "/srv/app/bank.py", "exec"), space)
    return space["f"]


def raised(call: Any) -> BaseException:
    try:
        call()
    except BaseException as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        return error
    raise AssertionError("nothing was raised")


def tell(error: BaseException, level: Level = FULL, **more: Any) -> dict[str, Any]:
    told = describe(error, detail=level, limits=more.pop("limits", LIMITS), served={"bank"}, **more)
    assert everything_is_plain(told)
    return told


def everything_is_plain(value: object) -> bool:
    match value:
        case dict():
            return type(value) is dict and all(type(key) is str and everything_is_plain(v) for key, v in value.items())
        case list():
            return type(value) is list and all(everything_is_plain(item) for item in value)
    return type(value) in {str, int, float, bool, bytes, type(None), tuple}


# ---------------------------------------------------------------- levels


def test_everything_is_told_in_full() -> None:
    error = raised(outer)
    line = fail.__code__.co_firstlineno + 1
    assert tell(error) == {
        "type": f"{__name__}.Poor",
        "args": [5, 2],
        "text": "need 5 have 2",
        "stack": [
            [__file__, outer.__code__.co_firstlineno + 1, "outer", "fail()"],
            [__file__, line, "fail", "raise Poor(5, 2)"],
        ],
    }


def outer() -> None:
    fail()


def fail() -> None:
    raise Poor(5, 2)


def test_on_a_network_only_served_frames_without_path_and_source() -> None:
    error = raised(served("def f():\n  tool()", tool=fail))
    assert tell(error, SERVED) == {"type": f"{__name__}.Poor", "stack": [["bank.py", 2, "f", ""]]}
    assert "text" in tell(error)


def test_on_a_network_the_text_of_what_served_code_raised() -> None:
    error = raised(served("def f():\n  raise ValueError('too little')"))
    assert tell(error, SERVED)["args"] == ["too little"]


@pytest.mark.parametrize(
    "source",
    [
        f"def f():\n  int({SECRET!r})",
        f"def f():\n  return {{}}[{SECRET!r}]",
        f"def f():\n  open('/{SECRET}')",
        f"def f():\n  tool({SECRET!r})",
        f"def f():\n  try: int({SECRET!r})\n  except ValueError as e:\n    e.add_note({SECRET!r})\n    raise",
    ],
)
def test_on_a_network_no_text_of_what_others_raised(source: str) -> None:
    error = raised(served(source, tool=json.loads))
    told = tell(error, SERVED)
    assert SECRET not in str(told)
    assert "/" not in str(told)
    assert told["stack"][-1][2] == "f"


def test_on_a_network_what_a_call_itself_met_is_told() -> None:
    space: dict[str, Any] = {"__name__": "limpet.objects.made_up"}
    exec("def call(f): f(1, 2, 3)", space)
    error = raised(lambda: space["call"]([].append))
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next
    assert "takes exactly one argument" in tell(error, SERVED)["args"][0]


def test_a_reference_alone() -> None:
    assert tell(raised(fail), REFERENCE, reference="4711") == {"reference": "4711"}


@pytest.mark.parametrize("level", [FULL, SERVED, REFERENCE])
def test_limpets_own_word_on_a_call_is_told_at_every_level(level: Level) -> None:
    error = AccessDenied("nothing to see")
    error.__cause__ = ValueError(SECRET)
    told = tell(error, level)
    assert told["type"] == "limpet.errors.AccessDenied"
    assert told["args"] == ["nothing to see"]
    assert (SECRET in str(told)) is (level is FULL)


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("error", "args"),
    [
        (ValueError(), None),
        (ValueError("a", 1, None, b"x"), ["a", 1, None, b"x"]),
        (ValueError(Hidden(), [Hidden()]), ["<Hidden>", ["<Hidden>"]]),
        (ValueError(*range(100)), list(range(32))),
        (FileNotFoundError(2, "gone", SECRET), [2, "gone"]),
        (UnicodeDecodeError("utf-8", SECRET.encode() + b"\xff", 21, 22, "bad"), ["utf-8", b"\xff", 21, 22, "bad"]),
        (UnicodeTranslateError(SECRET, 0, 1, "bad"), ["bad"]),
        (UnicodeError("bad"), ["bad"]),
        (SyntaxError("bad", ("/etc/x", 1, 1, SECRET)), ["bad"]),
    ],
    ids=repr,
)
def test_arguments(error: Exception, args: object) -> None:
    told = tell(error)
    assert told.get("args") == args
    assert "text" not in told
    assert SECRET not in str(told)


def test_a_unicode_error_with_arguments_of_its_own() -> None:
    class Odd(UnicodeError):
        pass

    assert tell(Odd(SECRET, SECRET, 1, 2, "bad"))["args"] == [SECRET, SECRET[1:2], 1, 2, "bad"]
    assert tell(Odd("utf-8", Hidden(), 1, 2, "bad"))["args"] == ["bad"]


def test_no_attribute_travels() -> None:
    document = f'{{"password": "{SECRET}", '
    failed = subprocess.CalledProcessError(1, "ls")
    failed.output = SECRET
    missing = raised(lambda: Hidden().gone)  # type: ignore[attr-defined]
    assert isinstance(missing, AttributeError)
    assert isinstance(missing.obj, Hidden)
    for error in (raised(lambda: json.loads(document)), failed, missing):
        error.secret = SECRET  # type: ignore[attr-defined]
        assert SECRET not in str(tell(error) | {"stack": 0})


def test_notes() -> None:
    error = ValueError("x")
    error.add_note("first")
    error.__notes__.append(3)  # type: ignore[arg-type]
    assert tell(error)["notes"] == ["first"]
    error.__notes__ = "no list"  # type: ignore[assignment]
    assert "notes" not in tell(error)


def test_cause_context_and_suppression() -> None:
    inner = ValueError("inner")
    told = tell(raised(served("def f():\n  raise KeyError('outer') from inner", inner=inner)))
    assert told["cause"]["args"] == ["inner"]
    assert "context" not in told
    assert "suppress" not in told
    told = tell(raised(served("def f():\n  try: 1/0\n  except ZeroDivisionError: raise KeyError('outer')")))
    assert told["context"]["type"] == "builtins.ZeroDivisionError"
    told = tell(raised(served("def f():\n  try: 1/0\n  except ZeroDivisionError: raise KeyError('outer') from None")))
    assert told["suppress"] is True
    assert "context" not in told


def test_the_members_of_a_group() -> None:
    told = tell(BaseExceptionGroup("two", [ValueError(1), KeyboardInterrupt()]))
    assert told["args"] == ["two"]
    assert [member["type"] for member in told["members"]] == ["builtins.ValueError", "builtins.KeyboardInterrupt"]


def test_a_rebuilt_error_keeps_its_name_when_it_travels_on() -> None:
    far = rebuild(tell(raised(fail)), "far")
    told = tell(far)
    assert told["type"] == f"{__name__}.Poor"
    assert told["text"] == "need 5 have 2"
    assert told["stack"][-1][0] == f"<limpet far/{__file__.lstrip('/')}>"
    assert tell(RemoteError("x"))["type"] == "limpet.errors.RemoteError"
    assert tell(SessionLost("x"))["type"] == "limpet.errors.SessionLost"


def test_an_error_of_another_session_is_a_mark() -> None:
    callback = rebuild(tell(ValueError(SECRET)), "client", owner=1)
    callback.__cause__ = KeyError(SECRET)
    for level in (FULL, SERVED):
        assert tell(callback, level, owner=2) == {"type": "limpet.errors.RemoteError"}
        assert tell(callback, level) == {"type": "limpet.errors.RemoteError"}
        assert tell(callback, level, owner=1)["args"] == [SECRET]
    outer = RuntimeError("outer")
    outer.__context__ = callback
    assert SECRET not in str(tell(outer, owner=2))
    assert callback.__dict__[OWNER] == 1


# ---------------------------------------------------------------- bounds


def test_chains_are_cut_and_rings_end() -> None:
    first = error = ValueError(0)
    for number in range(1, 10_000):
        error.__cause__ = ValueError(number)
        error = error.__cause__
    told, depth = tell(first), 0
    while "cause" in told:
        told, depth = told["cause"], depth + 1
    assert depth == CHAIN

    one, other = ValueError(1), ValueError(2)
    one.__cause__, other.__cause__ = other, one
    assert tell(one)["cause"]["args"] == [2]
    assert "cause" not in tell(one)["cause"]


def test_a_tree_of_groups_is_cut() -> None:
    error: Exception = ValueError(1)
    for _ in range(12):
        error = ExceptionGroup("many", [error, *(ValueError(n) for n in range(60))])

    def count(told: dict[str, Any]) -> int:
        return 1 + sum(map(count, told.get("members", [])))

    assert 100 < count(tell(error)) <= FAILURES


def huge() -> Exception:
    error = ValueError("x" * 1_000_000, ["y" * 3_000] * 100, dict.fromkeys(range(10_000), "z"))
    for number in range(50):
        error.add_note("ä" * 5_000 + str(number))
    error.__cause__ = raised(lambda: recurse(0))
    return error


def recurse(depth: int) -> None:
    recurse(depth + 1)


@pytest.mark.parametrize("size", [1_000, 5_000, 64 << 10])
def test_the_whole_is_bounded(size: int) -> None:
    told = tell(huge(), limits=Limits(error_bytes=size))
    assert told["type"] == "builtins.ValueError"
    assert len(json.dumps(told, ensure_ascii=False).encode()) <= size
    rebuild(told, "far")


def test_next_to_nothing_is_told_in_next_to_no_bytes() -> None:
    told = tell(huge(), limits=Limits(error_bytes=1))
    assert len(json.dumps(told).encode()) < 200


def test_there_is_room_for_the_stack_beside_large_arguments() -> None:
    error = raised(lambda: recurse(0))
    error.args = tuple("x" * 4_000 for _ in range(32))
    assert len(tell(error)["stack"]) == 64
    assert tell(error, limits=Limits(error_bytes=2_000))["stack"][-1][2] == "recurse"


class Nowhere:
    """Takes nothing out of a payload."""

    def refer(self, value: object) -> Any:
        raise AssertionError(f"{value!r} left the payload")

    attach: Any = refer
    reference: Any = refer
    buffer: Any = refer


def test_the_codec_carries_all_that_is_told() -> None:
    plain = [
        None,
        True,
        1 << 8_000,
        1.5,
        2j,
        "\ud800",
        b"x" * 4_096,
        date(2024, 1, 2),
        time(1),
        timedelta(1),
        UUID(int=1),
    ]
    moments = [
        datetime(2024, 1, 2, tzinfo=UTC),
        Decimal("1E-6000"),
        Decimal("1" * 900),
        Decimal("sNaN"),
        Fraction(1, 3),
    ]
    nested = [[1, [2]], (1, ("a",)), {1, 2}, frozenset({1}), {(1, "a"): {"b": (1,)}}, Hidden(), huge()]
    for part in (plain, moments, nested):
        told = describe(raised(served("def f(): raise ValueError(*args)", args=part)), detail=FULL, limits=LIMITS)
        payload = MsgpackCodec().encode(told, Nowhere(), LIMITS)
        assert len(payload) <= LIMITS.error_bytes
        assert str(MsgpackCodec().decode(payload, Nowhere(), LIMITS)) == str(told)


# ---------------------------------------------------------------- hostile classes


class Hostile(Exception):  # noqa: PLW1641 - it has a hash, of a kind
    @property
    def args(self) -> Any:  # type: ignore[override]
        raise SystemExit(SECRET)

    def __getattribute__(self, name: str) -> Any:
        raise KeyboardInterrupt(SECRET)

    def __str__(self) -> str:
        raise SystemExit(SECRET)

    __repr__ = __hash__ = __str__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise GeneratorExit(SECRET)


class Text(str):
    __slots__ = ()

    def __getitem__(self, key: object) -> Any:
        raise SystemExit

    def __len__(self) -> int:
        raise SystemExit

    encode = __getitem__  # type: ignore[assignment]


class Subtle(Exception):
    def __str__(self) -> str:
        return Text("told")


class Deep(Exception):
    def __str__(self) -> str:
        return str(self)


class Broken(type):
    def __hash__(cls) -> int:
        raise ValueError(SECRET)


def test_a_hostile_class_runs_nothing_but_its_text() -> None:
    told = tell(Hostile(1))
    assert told == {"type": f"{__name__}.Hostile", "args": [1], "text": f"<{__name__}.Hostile that cannot be shown>"}
    assert tell(Subtle())["text"] == "told"
    assert tell(Deep())["text"].endswith("Deep that cannot be shown>")


def test_what_cannot_be_told_is_a_reference() -> None:
    class Unhashable(Exception, metaclass=Broken):
        pass

    assert tell(ValueError(Unhashable()), reference="7") == {"reference": "7"}
    assert tell(Unhashable(), REFERENCE, reference="7") == {"reference": "7"}


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration(5), MemoryError()]
)
def test_errors_that_end_things_are_told_like_others(error: BaseException) -> None:
    told = tell(raised(served("def f(): raise error", error=error)), SERVED)
    assert told["type"] == f"builtins.{type(error).__name__}"


@given(st.recursive(st.none() | st.integers() | st.text(st.characters()) | st.binary() | st.builds(Hidden), st.lists))
def test_any_arguments_are_told_within_bounds(value: object) -> None:
    told = tell(ValueError(value, value), limits=Limits(error_bytes=1_000))
    assert SECRET not in str(told)
    assert len(str(told)) <= 8_000
    assert isinstance(rebuild(told, "far"), ValueError)


def test_the_timeout_is_limpets_own() -> None:
    assert tell(CallTimeout("late"), REFERENCE) == {"type": "limpet.errors.CallTimeout", "args": ["late"]}
