from __future__ import annotations

from typing import Any

import pytest

from limpet.errors import AccessDenied, ConfigurationError
from limpet.objects.services import Opened, Service, catalog
from limpet.objects.wrappers import functions, mutable, ref
from limpet.session.messages import View


class Account:
    def __init__(self, owner: str = "", *, limit: int = 0) -> None:
        self.owner, self.limit = owner, limit


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
