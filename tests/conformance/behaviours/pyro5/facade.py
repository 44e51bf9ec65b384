"""What users import, and what they set."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from threading import Event
from types import FunctionType
from typing import Any, Final

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import System


@behaviour("P1", "Every public name is that of the module that defines it")
def one_home(system: System) -> None:
    facade = import_module(system.facade)
    public = getattr(facade, "__all__", None) or [name for name in vars(facade) if not name.startswith("_")]
    assert public
    for name in public:
        value = getattr(facade, name)
        if isinstance(value, type | FunctionType):
            home = import_module(value.__module__)
            assert getattr(home, value.__name__, None) is value, f"{name} is another at home"


@behaviour("P15", "A setting that does not exist, or makes no sense, raises at once")
def settings(system: System) -> None:
    with raises(*system.misuse):
        system.configure(no_such_setting=1)
    with raises(*system.misuse):
        system.configure(**system.nonsense)


class Echo:
    def back(self, value: object) -> object:
        return value


@behaviour("P4", "A codec that is none is refused with a clear error")
def no_codec(system: System) -> None:
    with raises(*system.misuse) as caught, system.speaking(Echo, "nonsense") as session:
        session.open()
    text = str(caught.error)
    assert any(word in text for word in ("nonsense", "codec", "serializer")), "the error does not say what is wrong"


@behaviour("P17", "Each codec that is offered carries a call")
def each_codec(system: System) -> None:
    assert system.codecs()
    for codec in system.codecs():
        with system.speaking(Echo, codec) as session:
            echo = session.open()
            for value in (None, True, 1, 2.5, "limpet \N{SPIRAL SHELL}"):
                assert echo.back(value) == value, f"{codec} changes {value!r}"


NUMBERS: Final = {
    "limpet": {"msgpack": 1},
    "Pyro5": {"serpent": 1, "marshal": 2, "json": 3, "msgpack": 4},
}
"""What each codec is called on the wire, for good: a peer of another version has to know it."""


@behaviour("P48", "Codecs have fixed numbers on the wire")
def numbers(system: System) -> None:
    codecs = system.codecs()
    for codec, number in NUMBERS[system.name].items():
        assert codecs[codec] == number, f"{codec} has another number"
    assert len({*codecs.values()}) == len(codecs), "two have one number"


EXPLODED: Final = Event()


class Bomb:
    """Runs code wherever a codec builds what the sender says."""

    def __reduce__(self) -> tuple[Any, ...]:
        return explode, ()


def explode() -> None:
    EXPLODED.set()


class Target:
    def take(self, value: object) -> None:
        pass

    def exploded(self) -> bool:
        return EXPLODED.is_set()


@behaviour("P14", "By default a server listens on this machine alone, with a codec that builds no code")
def safe_defaults(system: System) -> None:
    host = system.default_host()
    assert host in {"", "localhost", "127.0.0.1", "::1"}, f"it listens on {host}"
    with system.opened(Target) as target:
        with suppress(Exception):
            target.take(Bomb())
        assert not target.exploded(), "a client's value runs code"
