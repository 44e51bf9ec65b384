from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from limpet.errors import AccessDenied, DecodeError
from limpet.objects.cursor import Cursor
from limpet.objects.dispatch import Denied, Dispatch, Interceptor, Invocation
from limpet.objects.members import MemberTables
from limpet.objects.operations import Operation
from limpet.objects.services import Opened, catalog
from limpet.objects.wrappers import ref
from limpet.policy import Deny, Exposure, NamePolicy, expose
from limpet.session.messages import Kind, View


@expose
def shown(number: int = 1) -> int:
    return 10 * number


class Account:
    rate = 2

    def __init__(self, owner: str = "", *, it: int = 0) -> None:
        self.owner, self.it = owner, it
        self.balance = 5
        self.entries = [1, 2]
        self.callback = shown
        self.opener = open
        self.method = list[int]().append
        vars(self)["shadowed"] = "instance"
        self.reads = 0

    def deposit(self, amount: int = 1, **more: int) -> int:
        self.balance += amount + sum(more.values())
        return self.balance

    def shadowed(self) -> str:
        return "class"

    def fail(self) -> None:
        raise ValueError("served")

    @property
    def doubled(self) -> int:
        self.reads += 1
        return 2 * self.balance

    @doubled.setter
    def doubled(self, value: int) -> None:
        self.balance = value // 2

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[int]:
        self.reads += 1
        yield from range(3)

    def __eq__(self, other: object) -> bool:
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __setitem__(self, key: str, value: int) -> None:
        self.balance = value

    def __call__(self, number: int, *, times: int = 1) -> int:
        return number * times


def dispatch(served: object = Account, *interceptors: Interceptor, names: NamePolicy | None = None) -> Dispatch:
    services = catalog(served)
    tables = MemberTables(Exposure(), names)
    for service in services.values():
        tables.served(service.cls)
    return Dispatch(tables, names or NamePolicy(), services, interceptors)


def do(
    kind: Kind,
    target: object,
    *payload: object,
    view: View = View.WRITE,
    by: Dispatch | None = None,
    build: Callable[[Any], Any] | None = None,
) -> Any:
    return perform(by or dispatch(), kind, target, [*payload], view, build)


def perform(
    by: Dispatch, kind: Kind, target: object, value: object, view: View, build: Callable[[Any], Any] | None = None
) -> Any:
    if kind is Kind.CALL:
        return by.call(target, view, value, build)
    return by.perform(kind, target, view, value, build)


# ---------------------------------------------------------------- open


def test_open_makes_what_the_service_says() -> None:
    opened = do(Kind.OPEN, None, "", ["Ada"], {"it": 3})
    assert type(opened) is Opened
    assert isinstance(opened.target, Account)
    assert (opened.target.owner, opened.target.it, opened.view) == ("Ada", 3, View.WRITE)


@pytest.mark.parametrize("keyword", ["it", "target", "name", "run", "kind", "args", "kwargs", "service", "a", "k"])
def test_any_keyword_is_the_users_own(keyword: str) -> None:
    class Free:
        def __init__(self, **given: int) -> None:
            self.given = given

        def take(self, **given: int) -> dict[str, int]:
            return given

        def __call__(self, **given: int) -> dict[str, int]:
            return given

    assert do(Kind.OPEN, None, "", [], {keyword: 1}, by=dispatch(Free)).target.given == {keyword: 1}
    assert do(Kind.CALL, Free(), "take", [], {keyword: 1}, by=dispatch(Free)) == {keyword: 1}
    assert do(Kind.CALL, Free(), "", [], {keyword: 1}, by=dispatch(Free)) == {keyword: 1}
    assert do(Kind.GET, Free(), "take", by=dispatch(Free))(**{keyword: 1}) == {keyword: 1}


def test_a_missing_service_is_refused() -> None:
    with pytest.raises(AccessDenied, match="no service named 'other'"):
        do(Kind.OPEN, None, "other", [], {})
    with pytest.raises(AccessDenied, match="a service's name is needed"):
        do(Kind.OPEN, None, "", [], {}, by=dispatch({"account": Account}))


def test_a_client_serves_nothing() -> None:
    with pytest.raises(AccessDenied):
        do(Kind.OPEN, None, "", [], {}, by=Dispatch(MemberTables(Exposure()), NamePolicy()))


# ---------------------------------------------------------------- call


def test_a_method_is_called() -> None:
    account = Account()
    assert do(Kind.CALL, account, "deposit", []) == 6
    assert do(Kind.CALL, account, "deposit", [4]) == 10
    assert do(Kind.CALL, account, "deposit", [0], {"more": 5}) == 15


def test_what_a_method_raises_goes_through() -> None:
    with pytest.raises(ValueError, match="served"):
        do(Kind.CALL, Account(), "fail", [])


def test_the_object_itself_is_called_by_the_empty_name() -> None:
    assert do(Kind.CALL, Account(), "", [4], {"times": 2}) == 8
    with pytest.raises(AccessDenied, match="nothing to see"):
        do(Kind.CALL, [1], "", [])


def test_data_that_is_a_shown_function_is_called() -> None:
    assert do(Kind.CALL, Account(), "callback", [4]) == 40
    assert do(Kind.CALL, Account(), "callback", [], {"number": 5}) == 50


@pytest.mark.parametrize("name", ["opener", "method", "owner", "entries"])
def test_any_other_data_is_not(name: str) -> None:
    with pytest.raises(AccessDenied, match=f"^'{name}' of the Account: nothing to see"):
        do(Kind.CALL, Account(), name, [])


def test_a_property_is_not_called_through() -> None:
    with pytest.raises(AccessDenied):
        do(Kind.CALL, Account(), "doubled", [])


@pytest.mark.parametrize("name", ["missing", "_private", "__init__", "__class__", "a.b"])
def test_a_name_that_is_not_there_cannot_be_called(name: str) -> None:
    with pytest.raises(AccessDenied, match="nothing to see"):
        do(Kind.CALL, Account(), name, [])


def test_what_changes_a_container_needs_a_writable_view() -> None:
    numbers = [1]
    do(Kind.CALL, numbers, "append", [2])
    assert numbers == [1, 2]
    with pytest.raises(AccessDenied, match=r"read-only here; limpet\.mutable"):
        do(Kind.CALL, numbers, "append", [3], view=View.READ)
    assert do(Kind.CALL, numbers, "index", [2], view=View.READ) == 1


def test_a_method_of_the_users_changes_what_it_likes() -> None:
    assert do(Kind.CALL, Account(), "deposit", [], view=View.READ) == 6


# ---------------------------------------------------------------- get, set, delete


def test_data_and_properties_are_read() -> None:
    account = Account("Ada")
    assert do(Kind.GET, account, "owner") == "Ada"
    assert do(Kind.GET, account, "rate") == 2
    assert do(Kind.GET, account, "entries") is account.entries
    assert do(Kind.GET, account, "doubled") == 10
    assert account.reads == 1


def test_a_method_is_read_bound() -> None:
    account = Account()
    method = do(Kind.GET, account, "deposit")
    assert method(3) == 8
    assert method(amount=1, more=1) == 10
    assert account.balance == 10


def test_the_class_wins_over_the_instance() -> None:
    assert do(Kind.GET, Account(), "shadowed")() == "class"
    assert do(Kind.CALL, Account(), "shadowed", []) == "class"


def test_reading_a_method_runs_no_code_of_the_users() -> None:
    class Watched:
        def method(self) -> int:
            return 1

        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    assert do(Kind.GET, Watched(), "method", by=dispatch(Watched))() == 1


@pytest.mark.parametrize("name", ["missing", "_private", "__dict__", "__class__", "", "a b"])
def test_a_name_that_is_not_there_is_refused_in_one_text(name: str) -> None:
    with pytest.raises(Denied, match=r"of the Account: nothing to see$") as caught:
        do(Kind.GET, Account(), name)
    assert caught.value.hint


def test_a_writing_method_of_a_container_is_not_read_through_a_read_only_view() -> None:
    with pytest.raises(AccessDenied, match="read-only"):
        do(Kind.GET, [1], "append", view=View.READ)


def test_data_is_set() -> None:
    account = Account()
    assert do(Kind.SET, account, "owner", "Eve") is None
    assert account.owner == "Eve"
    do(Kind.SET, account, "doubled", 30)
    assert account.balance == 15


REFUSED = [("deposit", "setting 'deposit'"), ("missing", "setting 'missing'"), ("__class__", "__class__")]


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_what_is_no_data_is_not_set(name: str, text: str) -> None:
    account = Account()
    with pytest.raises(Denied, match=text):
        do(Kind.SET, account, name, 1)
    assert vars(account).keys() == vars(Account()).keys()
    assert type(account) is Account


def test_shared_state_is_not_set() -> None:
    account = Account("Ada")
    with pytest.raises(AccessDenied):
        do(Kind.SET, account, "owner", "Eve", view=View.READ)
    with pytest.raises(AccessDenied):
        do(Kind.DELETE, account, "owner", view=View.READ)
    assert account.owner == "Ada"


def test_data_is_deleted() -> None:
    account = Account()
    assert do(Kind.DELETE, account, "owner") is None
    assert not hasattr(account, "owner")
    with pytest.raises(Denied, match="deleting 'deposit' of the Account"):
        do(Kind.DELETE, account, "deposit")


# ---------------------------------------------------------------- operate


def test_an_operation_is_done() -> None:
    account = Account()
    assert do(Kind.OPERATE, account, int(Operation.LENGTH)) == 3
    do(Kind.OPERATE, account, int(Operation.SETITEM), "key", 9, view=View.READ)
    assert account.balance == 9
    assert do(Kind.OPERATE, [1, 2], int(Operation.GETITEM), 1) == 2


@pytest.mark.parametrize("number", [int(Operation.GETITEM), 0, -1, 99, 1 << 100])
def test_one_that_is_not_there_is_refused(number: int) -> None:
    with pytest.raises(Denied, match="on the Account: nothing to see"):
        do(Kind.OPERATE, Account(), number)


def test_operands_are_counted() -> None:
    for operands in ([], [1, 2]):
        with pytest.raises(DecodeError):
            do(Kind.OPERATE, [1, 2], int(Operation.GETITEM), *operands)


def test_an_operation_that_writes_needs_a_writable_view() -> None:
    numbers = [1]
    with pytest.raises(AccessDenied, match="'setitem' would change the list"):
        do(Kind.OPERATE, numbers, int(Operation.SETITEM), 0, 5, view=View.READ)
    do(Kind.OPERATE, numbers, int(Operation.SETITEM), 0, 5)
    assert numbers == [5]


def test_what_is_not_implemented_is_an_ellipsis() -> None:
    assert do(Kind.OPERATE, [1], int(Operation.EQ), 5) is Ellipsis
    assert do(Kind.OPERATE, [1], int(Operation.LT), 5) is Ellipsis

    class Strange:
        def __len__(self) -> Any:
            return 0

        def __getitem__(self, key: object) -> Any:
            return NotImplemented

    assert do(Kind.OPERATE, Strange(), int(Operation.GETITEM), 1, by=dispatch(Strange)) is Ellipsis


def test_an_iteration_comes_with_its_first_items() -> None:
    assert do(Kind.OPERATE, [1, 2], int(Operation.ITERATE)) == ((1, 2), None)
    assert do(Kind.OPERATE, [1, 2], int(Operation.REVERSED)) == ((2, 1), None)
    items, cursor = do(Kind.OPERATE, list(range(1_000)), int(Operation.ITERATE))
    assert items == tuple(range(len(items)))
    assert type(cursor) is Cursor
    assert cursor.take(1) == ((len(items),), True)


def test_code_of_the_users_runs_no_further_than_asked() -> None:
    account = Account()
    items, cursor = do(Kind.OPERATE, account, int(Operation.ITERATE))
    assert items == (0,)
    assert cursor.take(100) == ((1,), True)
    assert account.reads == 1


# ---------------------------------------------------------------- copy, describe


def test_copy_gives_the_object_to_be_encoded() -> None:
    numbers = [1]
    assert do(Kind.COPY, numbers) is numbers


def test_describe_gives_the_names() -> None:
    names = do(Kind.DESCRIBE, Account())
    assert names == sorted(names)
    assert {"deposit", "doubled", "owner", "rate"} <= set(names)
    assert not {"opener", "_private", "__init__"} & set(names)


# ---------------------------------------------------------------- forms

NO_LISTS: list[object] = [None, 1, "deposit", {}, b"", ()]
MALFORMED: list[tuple[Kind, object]] = [
    *((kind, value) for kind in Kind if kind < Kind.RETURN for value in NO_LISTS),
    *((kind, []) for kind in (Kind.OPEN, Kind.CALL, Kind.GET, Kind.SET, Kind.DELETE, Kind.OPERATE)),
    *((kind, [1]) for kind in (Kind.OPEN, Kind.CALL, Kind.GET, Kind.SET, Kind.DELETE, Kind.COPY, Kind.DESCRIBE)),
    (Kind.OPEN, ["", []]),
    (Kind.OPEN, ["", [], {}, 1]),
    (Kind.OPEN, [b"", [], {}]),
    (Kind.OPEN, ["", (), {}]),
    (Kind.OPEN, ["", [], []]),
    (Kind.CALL, ["deposit"]),
    (Kind.CALL, ["deposit", [], {}, 1]),
    (Kind.CALL, [b"deposit", []]),
    (Kind.CALL, [None, []]),
    (Kind.CALL, ["deposit", ()]),
    (Kind.CALL, ["deposit", {}]),
    (Kind.CALL, ["deposit", [], []]),
    (Kind.CALL, ["deposit", [], None]),
    (Kind.GET, ["owner", 1]),
    (Kind.GET, [("owner",)]),
    (Kind.SET, [b"owner", 1]),
    (Kind.SET, ["owner", 1, 2]),
    (Kind.DELETE, [1]),
    (Kind.OPERATE, ["LENGTH"]),
    (Kind.OPERATE, [True]),
    (Kind.OPERATE, [16.0]),
    (Kind.OPERATE, [int(Operation.LENGTH), 1]),
    (Kind.RETURN, []),
    (Kind.RELEASE, []),
]


@pytest.mark.parametrize(("kind", "value"), MALFORMED, ids=repr)
def test_a_payload_of_another_form_is_refused(kind: Kind, value: object) -> None:
    account = Account()
    with pytest.raises(DecodeError, match="does not have its form"):
        perform(dispatch(), kind, account, value, View.WRITE)
    assert account.balance == 5


@pytest.mark.parametrize("keyword", ["_x", "__class__", "", "a.b", "x" * 65, 1, b"x", None, ("x",), True])
@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.CALL])
def test_a_keyword_is_a_name(kind: Kind, keyword: Any) -> None:
    account = Account()
    with pytest.raises(Denied, match="a keyword argument"):
        do(kind, account, "" if kind is Kind.OPEN else "deposit", [], {keyword: 1})
    assert account.balance == 5


def test_the_policy_of_names_is_the_profiles() -> None:
    with pytest.raises(Denied):
        do(Kind.CALL, Account(), "deposit", [], {"longer": 1}, by=dispatch(names=NamePolicy(characters=5)))


def test_a_refusal_has_its_hint_apart() -> None:
    denied = Denied(Deny("nothing to see", "mark it"), "a thing")
    assert (str(denied), denied.hint) == ("a thing: nothing to see", "mark it")
    assert isinstance(denied, AccessDenied)


# ---------------------------------------------------------------- records


def test_records_are_built_after_the_policy_agreed() -> None:
    built: list[Any] = []

    def build(value: Any) -> Any:
        built.append(value)
        return value

    account = Account()
    assert do(Kind.CALL, account, "deposit", [4], {"more": 1}, build=build) == 10
    do(Kind.SET, account, "owner", "Eve", build=build)
    do(Kind.OPERATE, account, int(Operation.SETITEM), "key", 1, build=build)
    do(Kind.OPEN, None, "", ["Ada"], {}, build=build)
    do(Kind.CALL, account, "callback", [4], build=build)
    do(Kind.CALL, account, "", [4], build=build)
    parts = [(list(args), kwargs) for args, kwargs in built[:4]]
    assert parts == [([4], {"more": 1}), (["Eve"], {}), (["key", 1], {}), (["Ada"], {})]
    built.clear()
    for kind, payload in (
        (Kind.CALL, ["missing", [1]]),
        (Kind.CALL, ["deposit", [1], {"_x": 1}]),
        (Kind.SET, ["deposit", 1]),
        (Kind.OPERATE, [int(Operation.GETITEM), 1]),
        (Kind.OPEN, ["other", [1], {}]),
    ):
        with pytest.raises(AccessDenied):
            do(kind, account, *payload, build=build)
    assert built == []


# ---------------------------------------------------------------- interceptors


class Watcher:
    """An interceptor that notes what passes, before and after."""

    def __init__(self, name: str, log: list[Any]) -> None:
        self.name, self.log = name, log

    def __call__(self, invocation: Invocation, following: Callable[[Invocation], Any]) -> Any:
        self.log.append((self.name, invocation.kind, invocation.name, invocation.args, dict(invocation.kwargs)))
        try:
            return following(invocation)
        finally:
            self.log.append(self.name)


def test_interceptors_run_around_each_other_in_order() -> None:
    log: list[Any] = []
    by = dispatch(Account, Watcher("outer", log), Watcher("inner", log))
    account = Account()
    assert do(Kind.CALL, account, "deposit", [4], {"more": 1}, by=by) == 10
    call = (Kind.CALL, "deposit", (4,), {"more": 1})
    assert log == [("outer", *call), ("inner", *call), "inner", "outer"]


def test_each_use_of_an_object_passes_them() -> None:
    log: list[Any] = []
    by = dispatch(Account, Watcher("", log))
    account = do(Kind.OPEN, None, "", ["Ada"], {}, by=by).target
    do(Kind.CALL, account, "", [4], by=by)
    do(Kind.CALL, account, "callback", [4], by=by)
    do(Kind.GET, account, "doubled", by=by)
    do(Kind.SET, account, "owner", "Eve", by=by)
    do(Kind.DELETE, account, "owner", by=by)
    do(Kind.OPERATE, account, int(Operation.LENGTH), by=by)
    seen = [entry[1:4] for entry in log if isinstance(entry, tuple)]
    assert [kind for kind, *_ in seen if kind is not Kind.GET] == [
        Kind.OPEN,
        Kind.CALL,
        Kind.CALL,
        Kind.SET,
        Kind.DELETE,
        Kind.OPERATE,
    ]
    assert (Kind.GET, "doubled", ()) in seen
    assert (Kind.OPERATE, "__len__", ()) in seen
    assert (Kind.SET, "owner", ("Eve",)) in seen


def test_an_interceptor_may_answer_change_or_refuse() -> None:
    def answer(invocation: Invocation, following: Callable[[Invocation], Any]) -> Any:
        return "answered"

    def change(invocation: Invocation, following: Callable[[Invocation], Any]) -> Any:
        return following(invocation._replace(args=(100,)))

    def refuse(invocation: Invocation, following: Callable[[Invocation], Any]) -> Any:
        raise AccessDenied("not today")

    account = Account()
    assert do(Kind.CALL, account, "deposit", [1], by=dispatch(Account, answer)) == "answered"
    assert account.balance == 5
    assert do(Kind.CALL, account, "deposit", [1], by=dispatch(Account, change)) == 105
    with pytest.raises(AccessDenied, match="not today"):
        do(Kind.CALL, account, "deposit", [1], by=dispatch(Account, refuse))


def test_what_an_interceptor_adds_to_the_keywords_stays_with_the_call() -> None:
    def add(invocation: Invocation, following: Callable[[Invocation], Any]) -> Any:
        invocation.kwargs["more"] = 10
        return following(invocation)

    account = Account()
    assert do(Kind.CALL, account, "deposit", [1], by=dispatch(Account, add)) == 16
    assert do(Kind.CALL, account, "deposit", [1]) == 17


def test_they_see_only_what_was_allowed() -> None:
    log: list[Any] = []
    by = dispatch(Account, Watcher("", log))
    for kind, payload in ((Kind.CALL, ["_x", []]), (Kind.GET, ["__class__"]), (Kind.SET, ["deposit", 1])):
        with pytest.raises(AccessDenied):
            do(kind, Account(), *payload, by=by)
    assert log == []


def test_an_invocation_cannot_be_changed_in_place() -> None:
    invocation = Invocation(Kind.CALL, None, "name", (), {}, print)
    with pytest.raises((AttributeError, FrozenInstanceError)):
        invocation.name = "other"  # type: ignore[misc]


def test_tables_are_those_of_the_class() -> None:
    by = dispatch(ref([1]))
    assert by.table_of([1]) is by.tables.of(list)


def test_a_call_may_be_performed_like_any_other() -> None:
    account = Account()
    assert dispatch().perform(Kind.CALL, account, View.READ, ["deposit", [4]]) == 9
    assert dispatch().call(account, View.READ, ["deposit", [4]]) == 13
