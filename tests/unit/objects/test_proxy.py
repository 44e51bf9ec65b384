from __future__ import annotations

import copy as copying
import gc
import operator
import pickle
import pydoc
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from limpet.errors import AccessDenied, CallError, DecodeError, EncodeError, LimpetError, SessionClosed
from limpet.objects.descriptors import INTERFACES, read_descriptor
from limpet.objects.operations import CURSORS, FORMS, Operation
from limpet.objects.proxy import (
    Proxy,
    RemoteFunction,
    copy,
    inside,
    is_proxy,
    later,
    make_proxy,
    oneway,
    release,
)
from limpet.objects.proxy_class import function_class, prefetch, proxy_class
from limpet.session.messages import Kind
from limpet.session.tables import Import

ALL = tuple(number for number in FORMS if number not in CURSORS)
CURSOR = (Operation.NEXT,)


class Recorder:
    """A caller that answers from a list, and notes what it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = [*answers]
        self.asked: list[tuple[int, int, object]] = []
        self.given_up: list[Import] = []
        self.flags = 0

    def ask(self, kind: int, target: int, value: object, flags: int = 0) -> Any:
        self.flags = flags
        self.asked.append((kind, target, value))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def begin(self, kind: int, target: int, value: object, flags: int = 0) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(self.ask(kind, target, value, flags))
        return future

    tell = ask

    def describe_error(self, error: BaseException) -> object:
        return {"type": type(error).__name__}

    def give_up(self, entry: Import) -> None:
        self.given_up.append(entry)


def describe(*operations: int, name: str = "bank.Account", doc: str = "", interface: str = "", **methods: str) -> Any:
    return read_descriptor(
        {
            "name": name,
            "doc": doc,
            "methods": {method: [signature, "What it does."] for method, signature in methods.items()},
            "data": ["balance"],
            "operations": [int(operation) for operation in operations],
            "interface": interface,
        }
    )


def proxy(
    *answers: object, operations: tuple[int, ...] = ALL, handle: int = 7, **described: Any
) -> tuple[Any, Recorder]:
    caller = Recorder(*answers)
    cls = proxy_class(describe(*operations, **described))
    return make_proxy(cls, caller, Import(handle, b"", 1)), caller


def function(*answers: object, operations: tuple[int, ...] = ALL, **methods: str) -> tuple[Any, Recorder]:
    caller = Recorder(*answers)
    cls = function_class(describe(*operations, name="client.Listener", **methods))
    return make_proxy(cls, caller, Import(7, b"", 1)), caller


# ---------------------------------------------------------------- members


def test_each_use_is_one_request() -> None:
    account, caller = proxy(5, 6, deposit="(amount)")
    assert account.balance == 5
    assert account.deposit(3) == 6
    account.deposit(3, note="gift")
    account.owner = "Eve"
    del account.owner
    assert caller.asked == [
        (Kind.GET, 7, ["balance"]),
        (Kind.CALL, 7, ["deposit", [3]]),
        (Kind.CALL, 7, ["deposit", [3], {"note": "gift"}]),
        (Kind.SET, 7, ["owner", "Eve"]),
        (Kind.DELETE, 7, ["owner"]),
    ]


def test_the_names_that_python_s_own_machinery_would_use_are_free() -> None:
    account, caller = proxy(1, deposit="(self, name, args, kwargs)")
    account.deposit(self=1, name=2, args=3, kwargs=4)
    assert caller.asked == [(Kind.CALL, 7, ["deposit", [], {"self": 1, "name": 2, "args": 3, "kwargs": 4}])]


PRIVATE = ["_hidden", "__len", "__dict_", "_caller_", "a.b", "", "\uff4eame", "x" * 65]


@pytest.mark.parametrize("name", PRIVATE)
def test_what_cannot_be_a_name_is_asked_of_nobody(name: str) -> None:
    account, caller = proxy(deposit="()")
    with pytest.raises(AccessDenied, match="cannot be a remote name"):
        getattr(account, name)
    with pytest.raises(AccessDenied):
        setattr(account, name, 1)
    with pytest.raises(AccessDenied):
        delattr(account, name)
    with pytest.raises(AccessDenied):
        account.deposit(**{name: 1})
    with pytest.raises(AccessDenied):
        account(**{name: 1})
    assert caller.asked == []


@pytest.mark.parametrize("name", ["_caller", "_entry", "_descriptor", "__class__", "__slots__", "__doc__"])
def test_what_a_proxy_has_itself_cannot_be_set(name: str) -> None:
    account, caller = proxy()
    with pytest.raises(AccessDenied):
        setattr(account, name, 1)
    with pytest.raises(AccessDenied):
        delattr(account, name)
    assert caller.asked == []


def test_asking_whether_there_is_a_name_works() -> None:
    account, _ = proxy(AccessDenied("nothing to see"), 5, AttributeError("property"))
    assert not hasattr(account, "missing")
    assert getattr(account, "balance", None) == 5
    assert getattr(account, "broken", "default") == "default"
    assert not hasattr(account, "__array__")
    assert not hasattr(account, "_repr_html_")


def test_only_limpets_own_names_are_on_a_proxy() -> None:
    account, _ = proxy(deposit="()", operations=())
    public = {name for cls in type(account).__mro__ for name in vars(cls) if not name.startswith("_")}
    assert public == {"deposit"}
    assert not hasattr(account, "__dict__")


def test_dir_is_what_the_object_shows() -> None:
    account, caller = proxy(["deposit", "balance"])
    assert dir(account) == ["balance", "deposit"]
    assert caller.asked == [(Kind.DESCRIBE, 7, [])]


@pytest.mark.parametrize("answer", [None, "names", ("a",), {"a": 1}, [1], ["a", b"b"], ["a", None]], ids=repr)
def test_dir_takes_nothing_but_names(answer: object) -> None:
    account, _ = proxy(answer)
    with pytest.raises(DecodeError):
        dir(account)


def test_dir_leaves_out_what_cannot_be_a_name() -> None:
    account, _ = proxy(["balance", "a\x1b[2J", "__class__", "_private", "", "a b", "x" * 65])
    assert dir(account) == ["balance"]


def test_methods_have_their_documentation() -> None:
    account, caller = proxy(deposit="(amount: int = 3)", doc="A bank account.")
    assert account.deposit.__name__ == "deposit"
    assert account.deposit.__doc__ == "deposit(amount: int = 3)\n\nWhat it does."
    assert type(account).__doc__ == "A bank account.\n\nData: balance"
    text = pydoc.plain(pydoc.render_doc(type(account)))
    assert "deposit(amount: int = 3)" in text
    assert "A bank account." in text
    assert caller.asked == []


def test_help_of_a_proxy_works() -> None:
    account, _ = proxy(*[[]] * 9, deposit="(amount: int = 3)", operations=())
    assert "deposit(amount: int = 3)" in pydoc.plain(pydoc.render_doc(account))


# ---------------------------------------------------------------- operators

SIMPLE: list[tuple[Operation, Any, list[object], object]] = [
    (Operation.STR, str, [], "text"),
    (Operation.REPR, repr, [], "text"),
    (Operation.BOOL, bool, [], False),
    (Operation.LENGTH, len, [], 3),
    (Operation.CONTAINS, lambda target: 4 in target, [4], True),
    (Operation.GETITEM, lambda target: target["key"], ["key"], "item"),
    (Operation.GETITEM, lambda target: target[1:2], [slice(1, 2)], ()),
    (Operation.EQ, lambda target: target == 1, [1], True),
    (Operation.EQ, lambda target: 1 == target, [1], True),  # noqa: SIM300
    (Operation.NE, lambda target: target != 1, [1], False),
    (Operation.LT, lambda target: target < 1, [1], True),
    (Operation.LE, lambda target: target <= 1, [1], True),
    (Operation.GT, lambda target: target > 1, [1], True),
    (Operation.GT, lambda target: 1 < target, [1], True),  # noqa: SIM300
    (Operation.GE, lambda target: target >= 1, [1], "anything"),
]


@pytest.mark.parametrize(("operation", "use", "operands", "answer"), SIMPLE)
def test_an_operator_is_one_request(operation: Operation, use: Any, operands: list[object], answer: object) -> None:
    target, caller = proxy(answer)
    assert use(target) == answer
    assert caller.asked == [(Kind.OPERATE, 7, [operation, *operands])]
    assert type(caller.asked[0][2][0]) is int  # type: ignore[index]


def test_items_are_set_and_deleted_in_one_request_each() -> None:
    target, caller = proxy()
    target["key"] = 5
    del target["key"]
    assert caller.asked == [
        (Kind.OPERATE, 7, [Operation.SETITEM, "key", 5]),
        (Kind.OPERATE, 7, [Operation.DELITEM, "key"]),
    ]


def test_an_object_is_called_by_the_empty_name() -> None:
    target, caller = proxy(1)
    assert target(2, note=3) == 1
    assert caller.asked == [(Kind.CALL, 7, ["", [2], {"note": 3}])]


def test_without_an_operation_there_is_no_operator() -> None:
    target, caller = proxy(operations=())
    for use in (len, iter, reversed, next, lambda it: it[0], lambda it: 1 in it, lambda it: it(), lambda it: it < 1):
        with pytest.raises(TypeError):
            use(target)
    with pytest.raises(TypeError):
        target[0] = 1
    with pytest.raises(TypeError):
        del target[0]
    assert target != 1
    assert target
    assert {target: 1}[target] == 1
    assert repr(target) == str(target) == "<proxy of bank.Account>"
    assert caller.asked == []


@pytest.mark.parametrize("answer", [1, 0, None, "", "yes", [], b"text", 2.0], ids=repr)
def test_the_truth_is_a_bool(answer: object) -> None:
    target, _ = proxy(answer, answer)
    with pytest.raises(DecodeError, match="answered bool"):
        bool(target)
    with pytest.raises(DecodeError, match="answered contains"):
        4 in target  # noqa: B015


@pytest.mark.parametrize("answer", [True, -1, 1 << 63, 1 << 200, "3", 3.0, None, [1]], ids=repr)
def test_a_length_is_a_number_that_can_be_one(answer: object) -> None:
    target, _ = proxy(answer)
    with pytest.raises(DecodeError, match="answered length"):
        len(target)


@pytest.mark.parametrize("answer", [b"text", None, 5, ["text"], True], ids=repr)
def test_a_text_is_a_str(answer: object) -> None:
    target, _ = proxy(answer, answer)
    with pytest.raises(DecodeError, match="answered str"):
        str(target)
    assert repr(target) == "<proxy of bank.Account>"


FAILURES = [SessionClosed("over"), AccessDenied("no"), CallError("released"), DecodeError("junk")]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_a_repr_never_fails_for_limpets_reasons(failure: Exception) -> None:
    target, _ = proxy(failure, failure)
    assert repr(target) == "<proxy of bank.Account>"
    with pytest.raises(LimpetError):
        str(target)


def test_a_repr_is_fit_for_a_terminal() -> None:
    target, _ = proxy("a\x1b[2J\r\u2028\u202eb")
    assert repr(target).isprintable()
    target, _ = proxy("plain text, é too")
    assert repr(target) == "plain text, é too"


def test_a_proxy_equals_itself_without_asking() -> None:
    target, caller = proxy()
    assert target == target  # noqa: PLR0124
    assert caller.asked == []


def test_what_cannot_travel_is_another_thing() -> None:
    target, _ = proxy(*[EncodeError("it cannot travel")] * 4)
    stranger = object()
    assert not target == stranger  # noqa: SIM201
    assert target != stranger
    with pytest.raises(TypeError):
        target < stranger  # noqa: B015
    with pytest.raises(EncodeError):
        stranger in target  # noqa: B015


def test_the_other_operand_may_know_what_this_one_does_not() -> None:
    class Agreeable:
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    target, _ = proxy(EncodeError("it cannot travel"), ...)
    assert target == Agreeable()
    assert target == Agreeable(), "the server knew nothing either"


def test_what_neither_side_implements_is_a_type_error() -> None:
    target, _ = proxy(...)
    with pytest.raises(TypeError):
        target < 1  # noqa: B015


def test_a_hash_is_the_proxys_own_and_stays() -> None:
    target, caller = proxy()
    kept = {target}
    before = hash(target)
    release(target)
    assert hash(target) == before
    assert target in kept
    assert caller.asked == []


def test_what_is_compared_by_value_and_not_hashed_there_is_not_hashed_here() -> None:
    target, _ = proxy(operations=(Operation.EQ,))
    with pytest.raises(TypeError, match="unhashable"):
        hash(target)


# ---------------------------------------------------------------- iteration


def test_a_short_iteration_is_one_request() -> None:
    target, caller = proxy(((1, 2), None))
    assert [*iter(target)] == [1, 2]
    assert caller.asked == [(Kind.OPERATE, 7, [Operation.ITERATE])]


def test_iterating_starts_when_the_first_item_is_wanted() -> None:
    target, caller = proxy(((1,), None), operations=(Operation.ITERATE,))
    items = iter(target)
    assert caller.asked == []
    assert next(items) == 1


def test_reversed_is_an_iteration_too() -> None:
    target, caller = proxy(((2, 1), None))
    assert list(reversed(target)) == [2, 1]
    assert caller.asked == [(Kind.OPERATE, 7, [Operation.REVERSED])]


def test_a_long_one_asks_for_ever_larger_chunks() -> None:
    cursor, asked = proxy(((2, 3), True), ((4, 5, 6), True), ((7,), False), handle=8, operations=CURSOR)
    target, _ = proxy(((1,), cursor))
    assert [*iter(target)] == [1, 2, 3, 4, 5, 6, 7]
    assert [value for *_, value in asked.asked] == [[Operation.NEXT, count] for count in (2, 4, 8)]


def test_no_chunk_is_too_large() -> None:
    cursor, asked = proxy(*[((1,), True)] * 20, ((), False), handle=8, operations=CURSOR)
    target, _ = proxy(((), cursor))
    assert [*iter(target)] == [1] * 20
    counts = [value[1] for *_, value in asked.asked]  # type: ignore[index]
    assert counts[0] == 1
    assert counts == sorted(counts)
    assert max(counts) <= 1 << 16


def test_a_chunk_without_items_is_the_last() -> None:
    """Else a server could hold a client for ever."""
    cursor, _ = proxy(*[((), True)] * 3, handle=8, operations=CURSOR)
    target, _ = proxy(((1,), cursor))
    with pytest.raises(DecodeError, match="something else than items"):
        [*iter(target)]
    with pytest.raises(DecodeError):
        next(iter(cursor))


JUNK = [
    None,
    1,
    "ab",
    [1, 2],
    (),
    (1,),
    (1, None),
    ((1,), None, None),
    ([1], None),
    ((1,), 5),
    ((1,), True),
    ("ab", None),
]


@pytest.mark.parametrize("answer", JUNK, ids=repr)
def test_an_answer_that_is_no_iteration_is_refused(answer: object) -> None:
    target, _ = proxy(answer, operations=(Operation.ITERATE,))
    with pytest.raises(DecodeError):
        next(iter(target))


@pytest.mark.parametrize("answer", [None, 1, (1,), ((1,), 1), ((1,), None), ([1], False), ((1,), True, 1)], ids=repr)
def test_nor_is_one_that_is_no_chunk(answer: object) -> None:
    cursor, _ = proxy(answer, answer, operations=CURSOR)
    target, _ = proxy(((), cursor), operations=(Operation.ITERATE,))
    with pytest.raises(DecodeError, match="something else than items"):
        list(target)
    with pytest.raises(DecodeError, match="something else than items"):
        next(cursor)


def test_a_cursor_is_an_iterator() -> None:
    cursor, caller = proxy(((1,), True), ((), False), operations=CURSOR)
    assert iter(cursor) is cursor
    assert next(cursor) == 1
    with pytest.raises(StopIteration):
        next(cursor)
    assert [value for *_, value in caller.asked] == [[Operation.NEXT, 1]] * 2


# ---------------------------------------------------------------- classes


@pytest.mark.parametrize("interface", ["", *INTERFACES])
def test_isinstance_tells_the_interface(interface: str) -> None:
    target, _ = proxy(interface=interface)
    true = {name for name, cls in INTERFACES.items() if isinstance(target, cls)}
    assert true == {name for name, cls in INTERFACES.items() if interface and issubclass(INTERFACES[interface], cls)}
    assert isinstance(target, Proxy)


def test_interfaces_do_not_leak_into_each_other() -> None:
    mapping, _ = proxy(interface="Mapping")
    mutable, _ = proxy(interface="MutableSequence")
    assert isinstance(mapping, Mapping)
    assert not isinstance(mapping, MutableMapping)
    assert not isinstance(mapping, Sequence)
    assert isinstance(mutable, MutableSequence)


def test_a_class_is_named_after_the_objects() -> None:
    account, _ = proxy(name="bank.inner.Account")
    assert type(account).__name__ == "Account"
    assert repr(proxy(name="bank.Account", operations=())[0]) == "<proxy of bank.Account>"


NAMES = ["", "a\x00b", "a\x1b[2J", "a\nb", "1a", "a.", "\ud800", "a\u202eb", "<lambda>", "x" * 9_999, "a.b\x00"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_whatever_a_peer_calls_it_the_class_has_a_safe_name(name: str) -> None:
    for make in (proxy_class, function_class):
        cls = make(describe(name=name, doc=name))
        made = make_proxy(cls, Recorder(), Import(1, b"", 1))
        assert cls.__name__.isidentifier()
        assert len(cls.__name__) <= 400
        assert repr(made).isprintable()
        assert (cls.__doc__ or "").replace("\n", "").isprintable()


def test_a_proxys_class_makes_no_proxies() -> None:
    made, _ = proxy()
    callback, _ = function()
    for shell in (made, callback):
        with pytest.raises(TypeError):
            type(shell)()
    gc.collect()


@pytest.mark.parametrize("attempt", [copying.copy, copying.deepcopy, pickle.dumps], ids=["copy", "deepcopy", "pickle"])
def test_a_proxy_is_not_copied_by_accident(attempt: Any) -> None:
    for shell, caller in (proxy(), function()):
        with pytest.raises(EncodeError, match=r"limpet\.copy"):
            attempt(shell)
        assert caller.asked == []


# ---------------------------------------------------------------- a client's objects on a server


def test_a_clients_function_is_called() -> None:
    callback, caller = function(5, on_change="(value)")
    assert callback(1, note=2) == 5
    callback.on_change(3)
    assert caller.asked == [(Kind.CALL, 7, ["", [1], {"note": 2}]), (Kind.CALL, 7, ["on_change", [3]])]


def test_only_what_can_be_called_is_callable() -> None:
    callback, _ = function(operations=(Operation.LENGTH, Operation.EQ))
    assert not callable(callback)


def test_nothing_else_of_it_ever_runs() -> None:
    callback, caller = function(on_change="()")
    assert callback == callback  # noqa: PLR0124
    assert callback != 1
    assert {callback: 1}[callback] == 1
    assert [callback].index(callback) == 0
    assert callback not in [1, "text", object()]
    assert bool(callback)
    assert "client.Listener" in repr(callback)
    assert str(callback) == repr(callback) == f"{callback}"
    assert issubclass(type(callback), RemoteFunction)
    assert not isinstance(callback, int | str | Mapping | Sequence)
    for use in (len, iter, reversed, next, int, float, abs, lambda it: it[0], lambda it: 1 in it):
        with pytest.raises(TypeError):
            use(callback)
    for use in (
        lambda it: it < 1,
        lambda it: it + 1,
        lambda it: 1 + it,
        lambda it: [0] * it,
        lambda it: operator.mod("%d", it),
    ):
        with pytest.raises(TypeError):
            use(callback)
    with pytest.raises(AttributeError):
        callback.balance  # noqa: B018
    with pytest.raises(AttributeError):
        callback.balance = 1
    with pytest.raises(AttributeError):
        "{0.balance}".format(callback)  # noqa: UP030, UP032
    assert caller.asked == []


# ---------------------------------------------------------------- helpers


def test_is_proxy_asks_nobody_and_believes_no_class_that_lies() -> None:
    class Liar:
        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            return Proxy

    target, caller = proxy()
    assert is_proxy(target)
    assert is_proxy(function()[0])
    assert not is_proxy(Liar())
    assert not is_proxy(5)
    assert not is_proxy(Proxy)
    assert caller.asked == []


def test_copy_asks_for_the_value() -> None:
    target, caller = proxy([1, [2]])
    assert copy(target) == [1, [2]]
    assert caller.asked == [(Kind.COPY, 7, [])]


@pytest.mark.parametrize("use", [copy, release])
def test_what_is_no_proxy_is_a_mistake(use: Any) -> None:
    with pytest.raises(TypeError, match="a proxy is needed, not a list"):
        use([1])


def test_what_nobody_holds_is_given_up_once() -> None:
    target, caller = proxy()
    entry = inside(target)[1]
    assert entry.proxy is not None
    assert entry.proxy() is target
    del target
    gc.collect()
    assert caller.given_up == [entry]
    assert entry.proxy() is None
    assert caller.asked == []


def test_releasing_lets_go_at_once_and_for_ever() -> None:
    target, caller = proxy(5, deposit="()")
    entry = inside(target)[1]
    release(target)
    release(target)
    assert caller.given_up == [entry]
    assert entry.proxy is None
    for use in (len, str, lambda it: it.balance, lambda it: it.deposit(), lambda it: it(), copy, dir, bool):
        with pytest.raises(CallError, match="released"):
            use(target)
    assert repr(target) == "<proxy of bank.Account>"
    del target
    gc.collect()
    assert caller.given_up == [entry]
    assert caller.asked == []


# ---------------------------------------------------------------- arithmetic, conversions, blocks


def test_arithmetic_is_one_request_with_the_number_of_the_operation() -> None:
    shell, caller = proxy("sum", "mus", None)
    assert (shell + 1, 1 + shell) == ("sum", "mus")
    shell += 2
    assert [asked[2] for asked in caller.asked] == [
        [int(Operation.ADD), 1],
        [int(Operation.RADD), 1],
        [int(Operation.IADD), 2],
    ]


@pytest.mark.parametrize("answer", [..., EncodeError("cannot travel")])
def test_what_the_object_does_not_know_is_asked_of_the_operand(answer: object) -> None:
    class Knows:
        def __radd__(self, other: object) -> str:
            return "the operand's"

    shell, _ = proxy(answer)
    assert shell + Knows() == "the operand's"


@pytest.mark.parametrize(
    ("convert", "right", "wrong"),
    [
        (int, -5, True),
        (float, 0.5, 1),
        (complex, 1j, 1.0),
        (bytes, b"x", bytearray(b"x")),
        (operator.index, -1, 1 << 70),
        (lambda shell: f"{shell:>5}", "    x", b"x"),
    ],
)
def test_answers_that_python_trusts_are_checked(convert: Any, right: object, wrong: object) -> None:
    assert convert(proxy(right)[0]) == right
    with pytest.raises(DecodeError, match="the peer answered"):
        convert(proxy(wrong)[0])


def fail(error: Exception) -> None:
    raise error


def test_a_block_tells_how_it_ended() -> None:
    shell, caller = proxy("given", False, None, True)
    with shell as given:
        assert given == "given"
    with shell:
        fail(LookupError())
    assert [asked[2] for asked in caller.asked] == [
        [int(Operation.ENTER)],
        [int(Operation.EXIT), None],
        [int(Operation.ENTER)],
        [int(Operation.EXIT), {"type": "LookupError"}],
    ]


GENERATOR = (*CURSORS,)


@pytest.mark.parametrize("thrown", [(KeyError,), (KeyError("x"),), (KeyError, "x"), (KeyError, KeyError("x"), None)])
def test_an_error_is_thrown_in_each_of_pythons_ways(thrown: tuple[Any, ...]) -> None:
    shell, caller = proxy(("item", False), operations=GENERATOR)
    assert shell.throw(*thrown) == "item"
    assert caller.asked[0][2] == [int(Operation.THROW), {"type": "KeyError"}]


def test_a_generator_that_has_returned_says_what() -> None:
    shell, _ = proxy(("one", False), ("value", True), operations=GENERATOR)
    assert next(shell) == "one"
    with pytest.raises(StopIteration) as end:
        shell.send(None)
    assert end.value.value == "value"


@pytest.mark.parametrize("answer", [None, (), ("item",), ("item", 0), {"item": False}])
def test_an_answer_for_a_generator_that_is_none(answer: object) -> None:
    shell, _ = proxy(answer, operations=GENERATOR)
    with pytest.raises(DecodeError):
        shell.send(None)


# ---------------------------------------------------------------- calls in between


def test_a_call_for_later_and_a_one_way_call() -> None:
    shell, caller = proxy("answer", None, "called", deposit="(amount)")
    assert later(shell.deposit, 5, by="Ada").result() == "answer"
    oneway(shell.deposit, 6)
    assert later(shell, 7).result() == "called"
    assert [asked[2] for asked in caller.asked] == [
        ["deposit", [5], {"by": "Ada"}],
        ["deposit", [6], {}],
        ["", [7], {}],
    ]


@pytest.mark.parametrize("call", [later, oneway])
def test_only_a_remote_method_can_be_called_so(call: Any) -> None:
    shell, caller = proxy(deposit="(amount)")
    wrong: Any
    for wrong in (len, "deposit", None, print, shell.__add__):
        with pytest.raises(TypeError, match="method of a proxy"):
            call(wrong)
    with pytest.raises(AccessDenied):
        call(shell.deposit, _secret=1)
    release(shell)
    with pytest.raises(CallError, match="released"):
        call(shell, 1)
    assert caller.asked == []


def test_prefetch_takes_an_iterator_and_a_count() -> None:
    shell, caller = proxy((("a", "b"), True), (("c",), False), operations=GENERATOR)
    assert [*prefetch(shell, 2)] == ["a", "b", "c"]
    assert [asked[2] for asked in caller.asked] == [[int(Operation.AHEAD), 2]] * 2
    for count in (0, -1, 65_537):
        with pytest.raises(ValueError, match="prefetch takes"):
            prefetch(shell, count)
    wrong: Any
    for wrong in ((), iter(()), proxy()[0]):
        with pytest.raises(TypeError, match="proxy of an iterator"):
            prefetch(wrong, 2)
