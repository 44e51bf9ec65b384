"""Completion finds names, and runs nothing to find them."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

import limpet
from limpet.cli.completion import Completer, completing
from limpet.drivers.threads.channel import Channel
from limpet.session.messages import Kind


class Trap:
    """Raises wherever its code runs."""

    __slots__ = ("__dict__", "empty", "slot")

    shared = "text"

    def __init__(self, proxy: object) -> None:
        self.slot = proxy
        self.held = proxy

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was asked for")

    def __dir__(self) -> list[str]:
        raise AssertionError("its names were asked for")

    @property
    def trap(self) -> object:
        raise AssertionError("its code ran")

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise AssertionError("it was asked what it is")

    def method(self) -> None:
        raise AssertionError("it was called")


class Lazy(types.ModuleType):
    """A module that makes its names when they are asked for."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"{name} was asked for")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Kind]:
    """Return the kinds of all requests that are made, as they are made."""
    kinds: list[Kind] = []
    ask = Channel.ask

    def note(channel: Channel, kind: int, target: int, value: object) -> Any:
        kinds.append(Kind(kind))
        return ask(channel, kind, target, value)

    monkeypatch.setattr(Channel, "ask", note)
    return kinds


@pytest.fixture
def names(url: str) -> Iterator[dict[str, Any]]:
    with limpet.connect(url) as session:
        proxy = session.open("Ada")
        yield {
            "session": session,
            "proxy": proxy,
            "proxies": [proxy],
            "limpet": limpet,
            "trap": Trap(proxy),
            "Trap": Trap,
            "space": types.SimpleNamespace(inner=types.SimpleNamespace(proxy=proxy)),
            "lazy": Lazy("lazy"),
            "_hidden": 1,
        }


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("", ["    "]),
        ("prox", ["proxies", "proxy"]),
        ("Tra", ["Trap("]),
        ("limp", ["limpet"]),
        ("isinst", ["isinstance("]),
        ("contin", ["continue"]),
        ("_hid", ["_hidden"]),
        ("hid", []),
        ("proxy.dep", ["proxy.deposit("]),
        ("proxy.bal", ["proxy.balance"]),  # the instance alone has it
        ("proxy.ri", ["proxy.risk"]),  # a property
        ("proxy.cur", ["proxy.currency"]),  # the class has it
        ("proxy._", []),
        ("proxy.entries.app", []),
        ("proxy.deposit.na", []),
        ("proxies.app", ["proxies.append("]),
        ("session.serv", ["session.service("]),
        ("limpet.is_pr", ["limpet.is_proxy("]),
        ("limpet.errors.Access", ["limpet.errors.AccessDenied("]),
        ("trap.sha", ["trap.shared"]),
        ("trap.met", ["trap.method("]),
        ("trap.tr", ["trap.trap"]),
        ("trap.trap.fg", []),
        ("trap.method.cl", []),
        ("trap.shared.upp", ["trap.shared.upper("]),
        ("trap.slot.dep", ["trap.slot.deposit("]),
        ("trap.held.dep", ["trap.held.deposit("]),
        ("trap.empty.x", []),
        ("trap.nothing.x", []),
        ("Trap.met", ["Trap.method("]),
        ("Trap.shared.upp", ["Trap.shared.upper("]),
        ("Trap.slot.x", []),
        ("space.inner.proxy.dep", ["space.inner.proxy.deposit("]),
        ("lazy.__na", ["lazy.__name__"]),
        ("unknown.x", []),
        ("unknown.x.y", []),
        ("proxy..dep", []),
        (".dep", []),
        (".", []),
        ("proxy.dep.", []),
        ("proxy.deposit(", []),
        ("1.re", []),
    ],
)
def test_what_is_found(word: str, found: list[str], names: dict[str, Any], asked: list[Kind], bank: Any) -> None:
    assert Completer(names).find(word) == found
    assert asked in ([], [Kind.DESCRIBE])
    assert bank.READS == []


def test_of_a_proxy_all_is_offered(names: dict[str, Any]) -> None:
    offered = [word.removeprefix("proxy.") for word in Completer(names).find("proxy.")]
    assert {name.removesuffix("(") for name in offered} == set(dir(names["proxy"]))
    assert {name for name in offered if name.endswith("(")} >= {"deposit(", "branch("}


def test_a_proxy_is_asked_once(names: dict[str, Any], asked: list[Kind]) -> None:
    completer = Completer(names)
    for word in ("proxy.", "proxy.dep", "proxy.entries.", "trap.slot.", "proxy."):
        completer.find(word)
    assert asked == [Kind.DESCRIBE]
    names["proxy"] = names["session"].open("Eve")
    assert completer.find("proxy.bal") == ["proxy.balance"]
    assert asked == [Kind.DESCRIBE, Kind.OPEN, Kind.DESCRIBE]


def test_what_cannot_be_asked_is_not_asked_again(names: dict[str, Any], asked: list[Kind]) -> None:
    names["session"].close()
    completer = Completer(names)
    for _ in range(2):
        assert completer.find("proxy.") == [f"proxy.{name}" for name in sorted_class_names(names["proxy"])]
    assert asked == [Kind.DESCRIBE]


def sorted_class_names(proxy: Any) -> list[str]:
    methods = [f"{name}(" for name in vars(type(proxy)) if not name.startswith("_")]
    return sorted([*methods, "currency", "risk"])


def test_readline_asks_for_one_after_the_other(names: dict[str, Any]) -> None:
    completer = Completer(names)
    found: list[str] = []
    while (word := completer.complete("prox", len(found))) is not None:
        found.append(word)
    assert found == ["proxies", "proxy"]


def test_an_interrupt_ends_the_search_alone(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    completer = Completer(names)
    with monkeypatch.context() as patch:
        patch.setattr(Channel, "ask", interrupted)
        assert completer.complete("proxy.", 0) is None
    assert completer.complete("proxy.dep", 0) == "proxy.deposit("


def test_the_completer_is_put_back(names: dict[str, Any]) -> None:
    readline = pytest.importorskip("readline")
    before = readline.get_completer()
    completer = Completer(names)
    with completing(completer):
        assert readline.get_completer() == completer.complete
    assert readline.get_completer() == before


def test_a_python_that_cannot_edit_lines(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "readline", None)
    with completing(Completer(names)):
        assert names["proxy"].owner == "Ada"


def test_an_editor_of_another_kind(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[str] = []
    editor = types.ModuleType("readline", "the libedit kind")
    editor.__dict__.update(
        get_completer=lambda: None, set_completer=lambda _completer: None, parse_and_bind=bound.append
    )
    monkeypatch.setitem(sys.modules, "readline", editor)
    with completing(Completer(names)):
        assert bound == ["bind ^I rl_complete"]
