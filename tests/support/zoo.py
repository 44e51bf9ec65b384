"""About a hundred kinds of common objects, made and put away again: what a method might return by mistake."""

from __future__ import annotations

import argparse
import array
import ast
import asyncio
import codecs
import collections
import configparser
import contextlib
import contextvars
import csv
import ctypes
import datetime as dt
import decimal
import dis
import email.message
import enum
import fractions
import functools
import hashlib
import hmac
import importlib.util
import inspect
import io
import itertools
import json
import logging
import logging.handlers
import mmap
import operator
import os
import pathlib
import pickle
import queue
import random
import re
import select
import shelve
import socket
import sqlite3
import ssl
import string
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tokenize
import traceback
import types
import typing
import unittest.mock
import urllib.parse
import uuid
import warnings
import weakref
import xmlrpc.client
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

__all__ = ["KINDS", "animals"]


class Plain:
    """A class of a user's with one of everything in it."""

    constant = 1

    def __init__(self) -> None:
        self.balance = 5
        self.module = os
        self.callback = print
        self.items = [os, print, {"module": os}]

    def method(self) -> None: ...

    @property
    def value(self) -> int:
        return 1

    @functools.cached_property
    def cached(self) -> int:
        return 1

    @staticmethod
    def static() -> None: ...

    @classmethod
    def for_class(cls) -> None: ...


class Magic:
    """Has every name there is."""

    def __getattr__(self, name: str) -> Any:
        return os


class Slotted:
    __slots__ = ("module",)

    def __init__(self) -> None:
        self.module = os


class Colour(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int


@dataclass
class Record:
    name: str


def generator() -> Iterator[int]:
    yield 1


async def coroutine() -> None: ...


async def async_generator() -> AsyncIterator[int]:
    yield 1


@contextmanager
def managed() -> Iterator[int]:
    yield 1


@functools.singledispatch
def dispatched(value: object) -> None: ...


def caught(function: Any, *args: Any) -> BaseException:
    """Return the error that a call raises, with its traceback and all."""
    try:
        function(*args)
    except BaseException as error:
        return error
    raise AssertionError


def started(of: Iterator[int]) -> Iterator[int]:
    next(of)
    return of


def finalizer() -> Any:
    made = weakref.finalize(Plain, print)
    made.atexit = False
    return made


def fail() -> None:
    raise ExceptionGroup("group", [ValueError("secret"), KeyError("secret")])


def language() -> dict[str, Any]:
    """Return what the language itself is made of."""
    error = caught(int, "secret")
    frame = sys._getframe()
    return {
        "function": generator,
        "lambda": lambda: None,
        "method": Plain().method,
        "built-in function": print,
        "built-in method": [].append,
        "method descriptor": list.append,
        "slot wrapper": list.__len__,
        "method wrapper": [].__len__,
        "class method descriptor": vars(dict)["fromkeys"],
        "member descriptor": vars(Slotted)["module"],
        "getset descriptor": vars(types.FunctionType)["__code__"],
        "property": vars(Plain)["value"],
        "cached property": vars(Plain)["cached"],
        "static method": vars(Plain)["static"],
        "class method": vars(Plain)["for_class"],
        "code": generator.__code__,
        "frame": frame,
        "traceback": error.__traceback__,
        "cell": (lambda: frame).__closure__[0],  # type: ignore[index]
        "module": json,
        "class": Plain,
        "built-in class": dict,
        "metaclass": enum.EnumMeta,
        "enum class": Colour,
        "generic alias": list[int],
        "type variable": typing.TypeVar("T"),
        "union": int | None,
        "mappingproxy of a class": vars(Plain),
        "generator": generator(),
        "generator that runs": started(generator()),
        "async generator": async_generator(),
        "super": super(Plain, Plain()),
        "partial": functools.partial(print),
        "partial method": functools.partialmethod(print),
        "cache": functools.cache(print),
        "single dispatch": dispatched,
        "item getter": operator.itemgetter(0),
        "attribute getter": operator.attrgetter("x"),
        "bound signature": inspect.signature(caught),
        "module spec": importlib.util.find_spec("json"),
        "module loader": json.__loader__,
        "syntax tree": ast.parse("1"),
        "bytecode": dis.Bytecode("1"),
        "ellipsis": ...,
        "not implemented": NotImplemented,
        "object": object(),
        "slice": slice(1),
        "memory view": memoryview(b"x"),
    }


def errors() -> dict[str, Any]:
    """Return errors that hold more than they say."""
    return {
        "value error": caught(int, "secret"),
        "key error": caught(operator.getitem, {}, "secret"),
        "attribute error": caught(operator.attrgetter("missing"), Plain()),
        "name error": caught(eval, "missing"),
        "unicode error": caught(b"\xff secret".decode),
        "json error": caught(json.loads, "secret"),
        "os error": caught(os.stat, "/missing/secret"),
        "system exit": caught(sys.exit, "secret"),
        "stop iteration": StopIteration(os),
        "group": caught(fail),
        "traceback summary": traceback.TracebackException.from_exception(caught(int, "secret")),
        "called process error": subprocess.CalledProcessError(1, "secret"),
        "import error": caught(__import__, "missing.module"),
        "syntax error": caught(ast.parse, "1 +"),
    }


def data() -> dict[str, Any]:
    """Return data of the standard library's, and iterators over it."""
    return {
        "user's object": Plain(),
        "object with every name": Magic(),
        "slotted object": Slotted(),
        "enum member": Colour.RED,
        "named tuple": Point(1),
        "record": Record("Ada"),
        "namespace": types.SimpleNamespace(module=os),
        "list of everything": [os, print, Plain, generator()],
        "dict of everything": {"__builtins__": vars(), "module": os, "class": Plain},
        "globals": dict(globals()),
        "tuple of modules": (os, sys),
        "dict view": {"module": os}.values(),
        "chain map": collections.ChainMap({"module": os}),
        "user dict": collections.UserDict(module=os),
        "default dict": collections.defaultdict(list, module=os),
        "counter": collections.Counter("ab"),
        "deque": collections.deque([os]),
        "list iterator": iter([os]),
        "dict iterator": iter({"module": os}.items()),
        "reversed": reversed([os]),
        "map": map(print, [1]),
        "filter": filter(print, [1]),
        "zip": zip([os], strict=False),
        "enumerate": enumerate([os]),
        "chain": itertools.chain([os]),
        "tee": itertools.tee([os])[0],
        "callable iterator": iter(generator, 1),
        "array": array.array("i", [1]),
        "structure": struct.Struct("i"),
        "decimal": decimal.Decimal(1),
        "decimal context": decimal.getcontext(),
        "fraction": fractions.Fraction(1, 2),
        "uuid": uuid.UUID(int=1),
        "datetime": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "time struct": time.gmtime(0),
        "random": random.Random(1),
        "pattern": re.compile("a"),
        "match": re.match("a", "a"),
        "path": pathlib.Path("/"),
        "pure path": pathlib.PurePath("/"),
        "weak reference": weakref.ref(Plain),
        "weak dict": weakref.WeakValueDictionary({"class": Plain}),
        "finalizer": finalizer(),
        "string template": string.Template("$a"),
        "string formatter": string.Formatter(),
        "hash": hashlib.sha256(),
        "hmac": hmac.new(b"key", b"", "sha256"),
        "compressor": zlib.compressobj(),
        "codec": codecs.lookup("utf-8"),
        "context": contextvars.copy_context(),
        "context variable": contextvars.ContextVar("x"),
        "c type": ctypes.c_int(1),
        "stat result": pathlib.Path("/").stat(),
        "environment": os.environ,
        "flags": sys.flags,
        "url": urllib.parse.urlsplit("http://a/b"),
        "json encoder": json.JSONEncoder(),
        "json decoder": json.JSONDecoder(),
        "pickler": pickle.Pickler(io.BytesIO()),
        "element": ET.fromstring("<a><b/></a>"),
        "element tree": ET.ElementTree(),
        "message": email.message.EmailMessage(),
        "csv writer": csv.writer(io.StringIO()),
        "csv reader": csv.DictReader(io.StringIO("a\n1\n")),
        "token": next(tokenize.generate_tokens(io.StringIO("a").readline)),
        "warning": warnings.WarningMessage("a", UserWarning, "b", 1),
    }


def powers() -> dict[str, Any]:
    """Return what can do things: log, run, write, lock, parse."""
    return {
        "logger": logging.getLogger("zoo"),
        "log handler": logging.NullHandler(),
        "memory handler": logging.handlers.MemoryHandler(1),
        "log record": logging.LogRecord("a", 1, "b", 1, "c", (), None),
        "formatter": logging.Formatter(),
        "argument parser": argparse.ArgumentParser(),
        "config parser": configparser.ConfigParser(),
        "text buffer": io.StringIO("a"),
        "bytes buffer": io.BytesIO(b"a"),
        "standard output": sys.__stdout__,
        "thread": threading.Thread(target=print),
        "main thread": threading.main_thread(),
        "timer": threading.Timer(1, print),
        "lock": threading.Lock(),
        "recursive lock": threading.RLock(),
        "condition": threading.Condition(),
        "event": threading.Event(),
        "thread local": threading.local(),
        "queue": queue.Queue(),
        "simple queue": queue.SimpleQueue(),
        "future": Future(),
        "context manager": managed(),
        "exit stack": ExitStack(),
        "null context": contextlib.nullcontext(os),
        "mock": unittest.mock.Mock(),
        "magic mock": unittest.mock.MagicMock(),
        "patcher": unittest.mock.patch("os.getcwd"),
        "xmlrpc proxy": xmlrpc.client.ServerProxy("http://127.0.0.1:1"),
        "ssl context": ssl.create_default_context(),
        "poll": select.poll(),
    }


def closable(stack: ExitStack) -> dict[str, Any]:
    """Return what has to be closed again."""
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    task_body = coroutine()
    task = loop.create_task(task_body)
    stack.callback(loop.run_until_complete, task)
    waiting = coroutine()
    stack.callback(waiting.close)
    connection = sqlite3.connect(":memory:")
    stack.callback(connection.close)
    pool = stack.enter_context(ThreadPoolExecutor(1))
    archive = io.BytesIO()
    return {
        "event loop": loop,
        "task": task,
        "loop's future": loop.create_future(),
        "coroutine": waiting,
        "database": connection,
        "cursor": connection.cursor(),
        "executor": pool,
        "socket": stack.enter_context(socket.socket()),
        "file": stack.enter_context(pathlib.Path(__file__).open("rb")),
        "text file": stack.enter_context(pathlib.Path(__file__).open(encoding="utf-8")),
        "temporary file": stack.enter_context(tempfile.TemporaryFile()),
        "archive": stack.enter_context(zipfile.ZipFile(archive, "w")),
        "memory map": stack.enter_context(mmap.mmap(-1, 16)),
        "shelf": stack.enter_context(shelve.Shelf({})),
        "directory": stack.enter_context(os.scandir("/")),
    }


@contextmanager
def animals() -> Iterator[dict[str, Any]]:
    """Give one object of each kind, by a name for it."""
    with ExitStack() as stack:
        yield language() | errors() | data() | powers() | closable(stack)


KINDS = 150
"""How many there are, at least."""
