"""A service in a module of its own, as its user has it: in a folder, found from there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import limpet

BANK = '''
"""What the tests of the command serve."""

import threading
import time

import limpet

READS = []
WAITING = threading.Event()


class Account:
    """A bank account: one instance per session."""

    currency = "EUR"

    def __init__(self, owner="nobody", balance=0):
        self.owner, self.balance, self.entries = owner, balance, []

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError(f"cannot deposit {amount}")
        self.balance += amount
        self.entries.append(amount)
        return self.balance

    def describe(self, *args, **kwargs):
        return repr((args, kwargs))

    def branch(self):
        return Branch()

    def shout(self):
        return "\\x1b[31mred"

    def fail_loudly(self):
        raise ValueError("\\x1b[31mred\\nsecond line")

    def fail_in_a_way_of_its_own(self):
        raise Overdrawn(5)

    def take(self, amount):
        """Take from the balance.

        It may go below 0.
        """
        self.balance -= amount

    @property
    def risk(self):
        READS.append("risk")
        return "\\x1b[31mhigh[/b]"

    def wait(self):
        WAITING.set()
        while not limpet.cancelled():
            time.sleep(0.01)

    class Savings:
        def rate(self):
            return 2.5


class Overdrawn(Exception):
    pass


@limpet.expose
class Branch:
    def city(self):
        return "Turin"


def add(a, b):
    return a + b


def double(value):
    return value * 2


def main_bank():
    return "main"


account = Account("shared")
shared_dict = {"a": 1}
services = {"accounts": Account, "sums": limpet.functions(add, double)}
number = 5
nothing = None
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the current directory, which has the module ``bank``; imports leave no trace."""
    (tmp_path / "bank.py").write_text(BANK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


@pytest.fixture
def bank(folder: Path) -> Any:
    """Return the module."""
    sys.path.insert(0, str(folder))
    return importlib.import_module("bank")


@pytest.fixture
def server(bank: Any) -> Iterator[limpet.Server]:
    """Yield a server of accounts."""
    with limpet.Server(bank.Account, "limpet://127.0.0.1:0", local="anyone") as server:
        yield server


@pytest.fixture
def url(server: limpet.Server) -> str:
    """Return where accounts are served."""
    return server.url
