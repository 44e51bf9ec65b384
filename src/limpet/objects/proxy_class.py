"""The classes of proxies: each is made of the descriptor of a remote type, with its methods and operators.

Every answer that Python itself would trust, a length or a truth, is checked by exact type.
"""

# pyright: reportPrivateUsage=false
# The methods made here belong to the classes made here; pyright sees plain functions.

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from typing import Any, Final, TypeVar

from limpet.errors import DecodeError, EncodeError
from limpet.logs import printable, with_article
from limpet.objects.descriptors import INTERFACES, Descriptor
from limpet.objects.operations import ARITHMETIC, FORMS, Operation
from limpet.objects.proxy import Proxy, RemoteFunction, check_name, descriptor_of, inside
from limpet.objects.signatures import read_signature
from limpet.session.messages import PASS, Kind

__all__ = ["function_class", "prefetch", "proxy_class"]

_T = TypeVar("_T")
_CALL: Final = int(Kind.CALL)
_OPERATE: Final = int(Kind.OPERATE)
_REPR_CHARACTERS: Final = 100_000
_VALUES: Final = frozenset({type(None), bool, int, float, str})
"""Types of which any value comes back from a peer as it went."""
_MOST_ITEMS: Final = 1 << 16
"""Items asked for at a time, at most."""


def _methods(descriptor: Descriptor) -> dict[str, Any]:
    """Return the methods of the class of proxies. Data is left to ``__getattr__``: were a property to raise
    AttributeError, Python would ask again there.
    """
    return {
        name: _method(name, *texts, flags=PASS if name in descriptor.concurrent else 0)
        for name, texts in descriptor.methods.items()
    }


def _method(name: str, signature: str, doc: str, *, flags: int) -> Callable[..., Any]:
    def method(self: Proxy, /, *args: object, **kwargs: object) -> Any:
        if kwargs:
            for keyword in kwargs:
                check_name(keyword)
            return self._caller.ask(_CALL, self._entry.handle, [name, [*args], kwargs], flags)
        return self._caller.ask(_CALL, self._entry.handle, [name, [*args]], flags)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{name}{signature}\n\n{doc}".strip()
    known = read_signature(signature)
    if known is not None:
        method.__signature__ = known  # type: ignore[attr-defined]  # what inspect looks for
    return method


def _repr(self: Proxy) -> str:
    """Ask for the object's repr; never fail: it is what debuggers and logs call."""
    try:
        return printable(_ask_repr(self), _REPR_CHARACTERS)
    except Exception:
        # Whatever went wrong, here or in the object's own code.
        return Proxy.__repr__(self)


def _call(self: Proxy, /, *args: object, **kwargs: object) -> Any:
    for keyword in kwargs:
        check_name(keyword)
    return self._caller.ask(_CALL, self._entry.handle, ["", [*args], kwargs])


def _operator(operation: Operation, answers: type | None) -> Callable[..., Any]:
    """Return the method that asks for ``operation``, and lets only an ``answers`` through."""
    number, least = int(operation), _LEAST.get(operation)

    def operate(self: Proxy, /, *operands: object) -> Any:
        answer = self._caller.ask(_OPERATE, self._entry.handle, [number, *operands])
        if answers is not None and type(answer) is not answers:
            raise DecodeError(f"the peer answered {operation.name.lower()} with {with_article(type(answer))}")
        if least is not None and not least <= answer <= sys.maxsize:
            raise DecodeError(f"the peer answered {operation.name.lower()} with a number that cannot be one")
        return answer

    return operate


def _binary(operation: Operation) -> Callable[..., Any]:
    """Return the method that asks for ``operation``, and leaves it to Python where the object does not know."""
    ask = _operator(operation, None)

    def operate(self: Proxy, /, *operands: object) -> Any:
        try:
            answer = ask(self, *operands)
        except EncodeError:
            return NotImplemented  # What cannot travel is asked here, as between any two strangers.
        return NotImplemented if answer is Ellipsis else answer

    return operate


def _equal(self: Proxy, other: object) -> Any:
    return True if other is self else _ask_equal(self, other)


def _joined(kind: type[Any]) -> Callable[[Proxy, object], Any]:
    """Return the method that puts the items of a remote ``kind`` behind those of a local one, which it stays."""

    def join(self: Proxy, other: Any) -> Any:
        return other + kind(self) if type(other) is kind else NotImplemented

    return join


def _iterate(operation: Operation) -> Callable[[Proxy], Iterator[Any]]:
    ask = _operator(operation, tuple)

    def iterate(self: Proxy) -> Iterator[Any]:
        match ask(self):
            case (tuple(items), None):
                yield from items
            case (tuple(items), Proxy() as cursor):
                yield from items
                count = len(items)
                more = True
                while more:
                    count = min(max(2 * count, 1), _MOST_ITEMS)
                    items, more = _next_items(cursor, count)
                    yield from items
            case _:
                raise DecodeError("the peer answered an iteration with something else than items")

    return iterate


def _next_items(cursor: Proxy, count: int, operation: Operation = Operation.NEXT) -> tuple[tuple[Any, ...], bool]:
    caller, entry = inside(cursor)
    match caller.ask(_OPERATE, entry.handle, [int(operation), count]):
        case (tuple(items), bool(more)) if items or not more:
            return items, more
        case _:
            raise DecodeError("the peer answered an iteration with something else than items")


def prefetch(iterator: Iterator[_T], count: int) -> Iterator[_T]:
    """Iterate over a remote iterator in chunks: ``for line in limpet.prefetch(log.lines(), 64)``.

    A generator is run ahead of what is used, by up to ``count`` items; without this it is
    advanced one by one, each time a round trip.

    Args:
        iterator: a proxy of a generator or another iterator.
        count: how many items to ask for at a time, from 1 to 65536.

    Raises:
        TypeError: if ``iterator`` is no proxy of an iterator.
        ValueError: if ``count`` is out of range.
    """
    if not isinstance(iterator, Proxy) or Operation.AHEAD not in descriptor_of(iterator).operations:
        raise TypeError(f"a proxy of an iterator is needed, not {with_article(type(iterator))}")
    if not 1 <= count <= _MOST_ITEMS:
        raise ValueError(f"prefetch takes from 1 to {_MOST_ITEMS} items at a time, not {count}")
    return _fetched(iterator, count)


def _fetched(cursor: Proxy, count: int) -> Iterator[Any]:
    more = True
    while more:
        items, more = _next_items(cursor, count, Operation.AHEAD)
        yield from items


def _next(self: Proxy) -> Any:
    items, _ = _next_items(self, 1)
    if not items:
        raise StopIteration
    return items[0]


def _advance(self: Proxy) -> Any:
    """Advance a generator: one that ends may return something."""
    return _send(self, None)


def _send(self: Proxy, value: object, /) -> Any:
    """Send a value into the generator, and return what it yields next."""
    return _resumed(self._caller.ask(_OPERATE, self._entry.handle, [int(Operation.SEND), value]))


def _throw(
    self: Proxy, kind: type[BaseException] | BaseException, value: object = None, _stack: object = None, /
) -> Any:
    """Raise an error where the generator waits, and return what it yields next."""
    if isinstance(kind, BaseException):
        error = kind
    elif isinstance(value, BaseException):
        error = value
    else:
        error = kind() if value is None else kind(value)
    failure = self._caller.describe_error(error)
    return _resumed(self._caller.ask(_OPERATE, self._entry.handle, [int(Operation.THROW), failure]))


def _resumed(answer: object) -> Any:
    match answer:
        case (item, False):
            return item
        case (value, True):
            raise StopIteration(value)
        case _:
            raise DecodeError("the peer answered for a generator with something else than an item")


def _getter(ask: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method ``get`` of a mapping. A default that may not travel, or not as itself, stays here.

    Args:
        ask: the method as any other.
    """

    @wraps(ask)
    def get(self: Proxy, /, *args: object, **kwargs: object) -> Any:
        if len(args) != 2 or kwargs or type(args[1]) in _VALUES:
            return ask(self, *args, **kwargs)
        key, default = args
        found = ask(self, key)
        return default if found is None and not _ask_contains(self, key) else found

    return get


def _exit(self: Proxy, kind: object, error: BaseException | None, stack: object, /) -> bool:  # noqa: ARG001
    failure = None if error is None else self._caller.describe_error(error)
    answer: bool = _ask_exit(self, failure)
    return answer


def _itself(self: Proxy) -> Proxy:
    return self


def _hash(self: Proxy) -> int:
    return hash(self._entry)


_ANSWERS: Final[dict[Operation, type]] = {
    Operation.STR: str,
    Operation.REPR: str,
    Operation.BOOL: bool,
    Operation.CONTAINS: bool,
    Operation.LENGTH: int,
    Operation.EXIT: bool,
    Operation.INT: int,
    Operation.FLOAT: float,
    Operation.COMPLEX: complex,
    Operation.INDEX: int,
    Operation.FORMAT: str,
    Operation.BYTES: bytes,
}
"""Whose answers Python itself would trust: they are checked by exact type."""
_LEAST: Final[dict[Operation, int]] = {Operation.LENGTH: 0, Operation.INDEX: -sys.maxsize - 1}
"""Numbers that must fit into a machine word, and the least of them."""
_ask_repr: Final = _operator(Operation.REPR, str)
_ask_contains: Final = _operator(Operation.CONTAINS, bool)
_ask_exit: Final = _operator(Operation.EXIT, bool)
_ask_equal: Final = _binary(Operation.EQ)
_JOINED: Final[dict[str, type[Any]]] = {"list": list, "tuple": tuple}
"""What Python joins with its own kind alone, and has no reflected method for."""
_BINARY: Final = ARITHMETIC | {Operation.NE, Operation.LT, Operation.LE, Operation.GT, Operation.GE}
_METHODS: Final[dict[Operation, Callable[..., Any]]] = {
    Operation.EQ: _equal,
    Operation.ITERATE: _iterate(Operation.ITERATE),
    Operation.REVERSED: _iterate(Operation.REVERSED),
    Operation.CALL: _call,
    Operation.HASH: _hash,
    Operation.REPR: _repr,
    Operation.NEXT: _next,
    Operation.SEND: _send,
    Operation.THROW: _throw,
    Operation.EXIT: _exit,
}


def _operator_method(operation: Operation) -> Callable[..., Any]:
    if operation in _METHODS:
        return _METHODS[operation]
    return _binary(operation) if operation in _BINARY else _operator(operation, _ANSWERS.get(operation))


@lru_cache(maxsize=512)
def _base(interface: str) -> type[Proxy]:
    """Return the proxies' base of which isinstance() tells that it is ``interface``."""
    if not interface:
        return Proxy
    base = type(f"{interface}Proxy", (Proxy,), {"__slots__": ()})
    INTERFACES[interface].register(base)  # type: ignore[attr-defined]  # all of them are ABCs
    return base


def proxy_class(descriptor: Descriptor) -> type[Proxy]:
    """Return the class of proxies for objects of the described type."""
    members = _methods(descriptor)
    if descriptor.interface.endswith("Mapping") and "get" in members and Operation.CONTAINS in descriptor.operations:
        members["get"] = _getter(members["get"])
    for operation in descriptor.operations - {Operation.AHEAD}:
        dunder = FORMS[operation].dunder
        members[dunder] = _operator_method(operation)
    if descriptor.name in _JOINED and Operation.ADD in descriptor.operations:
        members["__radd__"] = _joined(_JOINED[descriptor.name])
    if Operation.NEXT in descriptor.operations:
        members["__iter__"] = _itself
    if Operation.SEND in descriptor.operations:
        members["__next__"] = _advance
    if Operation.EQ in descriptor.operations and Operation.HASH not in descriptor.operations:
        members["__hash__"] = None
    members |= {"__slots__": (), "_descriptor": descriptor, "__doc__": _doc(descriptor)}
    return type(_class_name(descriptor), (_base(descriptor.interface),), members)


def _doc(descriptor: Descriptor) -> str:
    """Return what help() says of a type besides its methods: data has no entry of its own in the class."""
    data = f"Data: {', '.join(sorted(descriptor.data))}" if descriptor.data else ""
    return "\n\n".join(text for text in (descriptor.doc, data) if text)


def _class_name(descriptor: Descriptor) -> str:
    name = descriptor.name.rpartition(".")[2]
    return name if name.isidentifier() else "Proxy"


def function_class(descriptor: Descriptor) -> type[RemoteFunction]:
    """Return the class of shells for a client's objects: their methods, a call, and nothing else."""
    members = _methods(descriptor)
    if Operation.CALL in descriptor.operations:
        members["__call__"] = _call
    members |= {"__slots__": (), "_descriptor": descriptor, "__doc__": descriptor.doc}
    return type(_class_name(descriptor), (RemoteFunction,), members)
