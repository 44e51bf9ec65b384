"""MODULE:NAME, and what it stands for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from limpet.cli.report import UsageError
from limpet.cli.service import BrokenModuleError, load
from limpet.objects.wrappers import Functions, Reference

pytestmark = pytest.mark.usefixtures("folder")


def test_a_class_is_served_as_it_is() -> None:
    assert load("bank:Account") is sys.modules["bank"].Account


def test_a_name_may_have_dots() -> None:
    assert load("bank:Account.Savings") is sys.modules["bank"].Account.Savings


def test_an_object_is_served_as_it_is() -> None:
    assert load("bank:account") is sys.modules["bank"].account


def test_a_dict_is_a_table_of_services() -> None:
    assert load("bank:services") is sys.modules["bank"].services


@pytest.mark.parametrize(
    ("target", "names"),
    [("bank:add", {"add"}), ("bank:add,double", {"add", "double"}), ("bank:add, double", {"add", "double"})],
)
def test_functions_make_a_table(target: str, names: set[str]) -> None:
    table = load(target)
    assert isinstance(table, Functions)
    assert {name for name in vars(type(table)) if not name.startswith("_")} == names


def test_a_function_written_in_c() -> None:
    assert isinstance(load("math:sqrt"), Functions)


def test_a_shared_class_is_one_instance() -> None:
    assert load("bank:Account", shared=True).owner == "nobody"


def test_a_shared_dict_is_itself_served() -> None:
    served = load("bank:shared_dict", shared=True)
    assert isinstance(served, Reference)
    assert served.target is sys.modules["bank"].shared_dict


def test_a_shared_list_is_itself_served() -> None:
    served = load("bank:numbers", shared=True)
    assert isinstance(served, Reference)
    assert served.target is sys.modules["bank"].numbers


def test_a_shared_object_is_as_without() -> None:
    assert load("bank:account", shared=True) is sys.modules["bank"].account


def test_a_module_in_a_package(folder: Path) -> None:
    (folder / "house").mkdir()
    (folder / "house" / "cellar.py").write_text("class Wine: pass\n")
    assert load("house.cellar:Wine") is sys.modules["house.cellar"].Wine
    for name in ("house", "house.cellar"):
        del sys.modules[name]


def test_the_current_directory_is_on_the_path_once(folder: Path) -> None:
    load("bank:Account")
    load("bank:account")
    assert sys.path.count(str(folder)) == 1


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("bank", "write MODULE:NAME"),
        ("bank:", "write MODULE:NAME"),
        (":Account", "write MODULE:NAME"),
        ("blank:Account", "no module 'blank' in .*run this in the folder"),
        ("bank.branch:Account", "no module 'bank.branch'"),
        ("no.such.module:Account", "no module 'no'"),
        (".bank:Account", "not name a module"),
        ("bank..x:Account", "not name a module"),
        ("bank:Acount", "did you mean 'Account'"),
        ("bank:zzz", "bank has no 'zzz'; it has .*Account"),
        ("bank:Account.zzz", r"bank\.Account has no 'zzz'"),
        ("bank:number.zzz", r"bank\.number has no 'zzz'"),
        ("bank:nothing.zzz", r"bank\.nothing has no 'zzz'$"),
        ("bank.py:Account", "'bank.py' is a file; name the module in it, as an import does: bank$"),
        ("./house/bank.py:Account", "as an import does: house.bank$"),
        ("bank:numbers", "is a list; --shared serves it"),
        ("bank:limpet", "is a module"),
        ("bank:add,Account", "names several things"),
        ("bank:add,add", "cannot be served.*two functions"),
    ],
)
def test_what_names_nothing_is_told_in_one_line(target: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        load(target)
    assert "\n" not in str(caught.value)


def test_what_a_package_offers_is_named(folder: Path) -> None:
    (folder / "house").mkdir()
    (folder / "house" / "cellar.py").write_text("class Wine: pass\nclass Beer: pass\n")
    (folder / "house" / "__init__.py").write_text("from house.cellar import *\n__all__ = ['Wine']\n")
    with pytest.raises(UsageError, match=r"it has Wine$"):
        load("house:Cheese")


def test_a_shared_class_that_needs_arguments(folder: Path) -> None:
    (folder / "strict.py").write_text("class Account:\n    def __init__(self, owner): pass\n")
    with pytest.raises(UsageError, match=r"without arguments.*owner"):
        load("strict:Account", shared=True)


@pytest.mark.parametrize(
    ("text", "cause"),
    [("1 / 0", ZeroDivisionError), ("import no_such_module", ModuleNotFoundError), ("x =", SyntaxError)],
)
def test_a_module_that_fails_is_told_from_one_that_is_not_there(
    folder: Path, text: str, cause: type[Exception]
) -> None:
    (folder / "broken.py").write_text(text)
    with pytest.raises(BrokenModuleError, match="broken") as caught:
        load("broken:x")
    assert isinstance(caught.value.__cause__, cause)
