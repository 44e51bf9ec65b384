from __future__ import annotations

import typing
from collections import Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from enum import Enum
from typing import Any, TypeVar

import pytest

from limpet.errors import AccessDenied, ConfigurationError
from limpet.objects.services import Opened, Service, catalog
from limpet.objects.wrappers import functions, mutable, ref
from limpet.session.messages import View

T = TypeVar("T")


class Account:
    def __init__(self, owner: str = "", *, limit: int = 0) -> None:
        self.owner, self.limit = owner, limit


class Generic(typing.Generic[T]): ...


class Callable:
    def __call__(self) -> int:
        return 1


def alone(served: object) -> Service:
    services = catalog(served)
    assert list(services) == [""]
    return services[""]


def double(number: int) -> int:
    return 2 * number


def test_of_a_class_each_open_makes_an_instance() -> None:
    service = alone(Account)
    assert service.cls is Account
    first, second = service.open(["Ada"], {"limit": 3}), service.open([], {})
    assert isinstance(first.target, Account)
    assert (first.target.owner, first.target.limit, first.view) == ("Ada", 3, View.WRITE)
    assert first.target is not second.target


def test_a_class_that_refuses_its_arguments_raises_as_it_does() -> None:
    with pytest.raises(TypeError):
        alone(Account).open([], {"missing": 1})


@pytest.mark.parametrize("served", [Account(), Callable()], ids=["object", "object that can be called"])
def test_an_object_is_shared_and_its_state_is_its_own(served: object) -> None:
    service = alone(served)
    assert service.cls is type(served)
    assert service.open([], {}) == Opened(served, View.READ)
    assert service.open([], {}).target is served


@pytest.mark.parametrize(("args", "kwargs"), [([1], {}), ([], {"owner": "Ada"})])
def test_what_is_shared_takes_no_arguments(args: list[Any], kwargs: dict[str, Any]) -> None:
    with pytest.raises(AccessDenied, match="shared"):
        alone(Account()).open(args, kwargs)


class Singleton:
    _one: Any = None

    def __new__(cls) -> Any:
        cls._one = cls._one or super().__new__(cls)
        return cls._one


class Meta(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)


class Planet(Enum):
    EARTH = "earth"


@pytest.mark.parametrize("served", [Singleton, Planet, Meta("Made", (), {})])
def test_what_may_be_given_to_several_clients_is_read_only(served: type) -> None:
    assert alone(served).view is View.READ
    assert alone(type("Sub", (served,), {}) if served is Singleton else served).view is View.READ


def test_a_class_that_only_initializes_makes_new_ones() -> None:
    for served in (Account, Generic, list, dict, type("Rows", (UserList,), {}), type("Rows", (list,), {})):
        assert alone(served).view is View.WRITE


MANY = 1 << 16
TOO_MUCH: list[tuple[type, tuple[Any, ...], dict[str, Any]]] = [
    *((made, (range(MANY + 1),), {}) for made in (list, tuple, set, frozenset, deque, bytearray, Counter)),
    (type("Rows", (list,), {}), (range(MANY + 1),), {}),
    (type("Rows", (UserList,), {}), (range(MANY + 1),), {}),
    (type("Rows", (UserList,), {}), (), {"initlist": range(MANY + 1)}),
    (bytearray, (MANY + 1,), {}),
    (bytearray, (), {"source": MANY + 1}),
    (deque, (), {"iterable": range(MANY + 1)}),
    (dict, ([range(MANY + 1)],), {}),
    (dict, ({range(MANY + 1)},), {}),
    (OrderedDict, ([range(MANY + 1)],), {}),
    (UserDict, ([range(MANY + 1)],), {}),
]


@pytest.mark.parametrize(("made", "args", "kwargs"), TOO_MUCH)
def test_a_few_bytes_make_no_container_of_any_size(made: type, args: Any, kwargs: Any) -> None:
    with pytest.raises(ValueError, match="more than 65536"):
        alone(made).open([*args], kwargs)


class Source:
    """What may come in by reference: its methods are its own business."""

    def __iter__(self) -> Any:
        raise AssertionError

    def keys(self) -> Any:
        raise AssertionError


@pytest.mark.parametrize("made", [list, set, dict, deque, UserList, UserDict, Counter, bytearray])
def test_a_container_is_made_of_containers_alone(made: type) -> None:
    with pytest.raises(TypeError, match="built-in containers alone"):
        alone(made).open([Source()], {})


def test_containers_are_made_as_ever() -> None:
    assert alone(list).open([range(3)], {}).target == [0, 1, 2]
    assert alone(dict).open([[("a", range(9))]], {"b": range(1 << 90)}).target == {"a": range(9), "b": range(1 << 90)}
    assert alone(deque).open([[1, 2, 3]], {"maxlen": 2}).target == deque([2, 3])
    assert alone(defaultdict).open([int, {"a": 1}], {}).target == {"a": 1}
    assert alone(bytearray).open([3], {}).target == bytearray(3)
    assert alone(Counter).open(["aab"], {"c": 5}).target == Counter(a=2, b=1, c=5)


def test_a_constructor_of_the_users_takes_what_it_likes() -> None:
    class Rows(list[Any]):
        def __init__(self, size: object) -> None:
            super().__init__([size])

    source = Source()
    assert alone(Rows).open([source], {}).target == [source]


def test_functions_are_shared() -> None:
    table = functions(double)
    assert alone(table).open([], {}) == Opened(table, View.READ)


def test_a_container_is_served_by_ref_to_be_used() -> None:
    shared: dict[str, int] = {}
    service = alone(ref(shared))
    assert service.cls is dict
    assert service.open([], {}).target is shared
    assert service.open([], {}).view is View.WRITE


def test_an_object_served_by_ref_keeps_its_state_and_by_mutable_gives_it() -> None:
    account = Account()
    assert alone(ref(account)).open([], {}) == Opened(account, View.READ)
    assert alone(mutable(account)).open([], {}) == Opened(account, View.WRITE)


def test_a_dict_is_a_table_of_services() -> None:
    services = catalog({"account": Account, "shared": ref([1]), "functions": functions(double)})
    assert {name: service.cls.__name__ for name, service in services.items()} == {
        "account": "Account",
        "shared": "list",
        "functions": "functions",
    }


def test_an_empty_dict_is_taken_for_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match=r"limpet\.ref"):
        catalog({})


@pytest.mark.parametrize("name", ["", "_private", "a.b", 3, "a b"])
def test_a_service_has_a_name_for_the_wire(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a service"):
        catalog({name: Account})


@pytest.mark.parametrize("value", [[1], (1,), {1}, None, "text", b"bytes", 3, 2.5, 1j, True], ids=repr)
def test_a_plain_value_is_no_service(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"limpet\.ref"):
        catalog(value)
    with pytest.raises(ConfigurationError, match="is not a service"):
        catalog({"inner": value})


def test_nor_is_a_table_in_a_table() -> None:
    with pytest.raises(ConfigurationError, match="is not a service"):
        catalog({"inner": {"account": Account}})


FUNCTIONS = [double, print, [].append, Account().__init__]  # type: ignore[misc]


@pytest.mark.parametrize("function", FUNCTIONS, ids=["function", "built-in", "built-in method", "method"])
def test_nor_is_a_function(function: object) -> None:
    with pytest.raises(ConfigurationError, match=r"limpet\.functions"):
        catalog(function)
