"""Pickles put together from opcodes, and those an attacker would send: a reader refuses each, in time.

Where one of them names code, that would leave a file behind, ``CANARY``, if it ever ran.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import islice

from limpet.codec.opcodes import NAMES
from tests.support.hostile import PRIME, equal_hashes

__all__ = ["CANARY", "CASES", "HOSTILE", "code", "long", "text"]

CANARY = "canary"
"""What a global that runs would make, in the folder of the process."""

MEBIBYTE = 1 << 20


def code(*parts: str | bytes | int) -> bytes:
    """Return a pickle: names of opcodes, bytes as they are, small integers as BININT1."""
    return b"".join(
        bytes([NAMES[part]])
        if isinstance(part, str)
        else (b"K%c" % part if part < 256 else b"J" + struct.pack("<i", part))
        if isinstance(part, int)
        else part
        for part in parts
    )


def text(value: str) -> bytes:
    """Return a short text as an opcode."""
    data = value.encode()
    return b"\x8c%c%b" % (len(data), data)


def long(value: int) -> bytes:
    """Return an integer of any size as an opcode."""
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8b" + struct.pack("<I", len(data)) + data


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def stacked(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


TOUCH = f"open({CANARY!r}, 'w').close()"
SHELL = f"touch {CANARY}"

CALLABLES: tuple[tuple[str, str, bytes], ...] = (
    ("os", "system", text(SHELL)),
    ("posix", "system", text(SHELL)),
    ("nt", "system", text(SHELL)),
    ("subprocess", "getoutput", text(SHELL)),
    ("commands", "getoutput", text(SHELL)),
    ("builtins", "eval", text(TOUCH)),
    ("builtins", "exec", text(TOUCH)),
    ("__builtin__", "eval", text(TOUCH)),
    ("__builtin__", "execfile", text(TOUCH)),
    ("builtins", "__import__", text("antigravity")),
    ("builtins", "getattr", text("x")),
    ("builtins", "open", text(CANARY)),
    ("builtins", "type", text("x")),
    ("builtins", "compile", text(TOUCH)),
    ("builtins", "breakpoint", text("x")),
    ("builtins", "input", text("x")),
    ("builtins", "map", text("x")),
    ("builtins", "dict", text("x")),
    ("builtins", "list", text("x")),
    ("builtins", "str", text("x")),
    ("builtins", "int", text("x")),
    ("builtins", "memoryview", text("x")),
    ("builtins", "NotImplemented", text("x")),
    ("operator", "attrgetter", text("system")),
    ("operator", "methodcaller", text("system")),
    ("operator", "itemgetter", text("system")),
    ("functools", "reduce", text("x")),
    ("functools", "partial", text("x")),
    ("importlib", "import_module", text("antigravity")),
    ("pkgutil", "resolve_name", text("os:system")),
    ("pydoc", "locate", text("os.system")),
    ("uuid", "os.system", text(SHELL)),
    ("pathlib", "Path.touch", text(CANARY)),
    ("pathlib", "PosixPath", text(CANARY)),
    ("ctypes", "pythonapi.PyRun_SimpleString", text(TOUCH)),
    ("collections", "OrderedDict", text("x")),
    ("collections", "Counter", text("x")),
    ("collections", "deque", text("x")),
    ("collections", "namedtuple", text("x")),
    ("dataclasses", "make_dataclass", text("x")),
    ("types", "FunctionType", text("x")),
    ("types", "CodeType", text("x")),
    ("marshal", "loads", text("x")),
    ("pickle", "loads", text("x")),
    ("copyreg", "__newobj__", text("x")),
    ("copyreg", "add_extension", text("x")),
    ("codecs", "encode", text("x")),
    ("_codecs", "decode", text("x")),
    ("bz2", "decompress", text("x")),
    ("zlib", "decompress", text("x")),
    ("itertools", "repeat", text("x")),
    ("numpy.core.multiarray", "_reconstruct", text("x")),
    ("numpy", "ndarray", text("x")),
    ("numpy.f2py.crackfortran", "getlincoef", text("x")),
    ("antigravity", "fly", text("x")),
    ("this", "s", text("x")),
    ("__main__", "x", text("x")),
    ("limpet", "connect", text("limpet://127.0.0.1:1")),
    ("limpet.codec.constructors", "GLOBALS", text("x")),
    ("uuid", "UUID.__init__", text("x")),
    ("datetime", "datetime.now", text("x")),
    ("decimal", "getcontext", text("x")),
    ("fractions", "Fraction.from_float", text("x")),
    ("", "", text("x")),
)


def _code_runs() -> Iterator[tuple[str, bytes]]:
    for module, name, argument in CALLABLES:
        what = f"{module}.{name}"
        yield f"GLOBAL {what}", code(named(module, name), argument, "TUPLE1", "REDUCE", "STOP")
        yield f"STACK_GLOBAL {what}", code(b"\x80\x04", stacked(module, name), argument, "TUPLE1", "REDUCE", "STOP")
    for module, name, argument in CALLABLES[:4]:
        what = f"{module}.{name}"
        yield f"INST {what}", code("MARK", argument, "INST", f"{module}\n{name}\n".encode(), "STOP")
        yield f"OBJ {what}", code("MARK", named(module, name), argument, "OBJ", "STOP")
        yield f"NEWOBJ {what}", code(named(module, name), argument, "TUPLE1", "NEWOBJ", "STOP")
        yield (
            f"NEWOBJ_EX {what}",
            code(named(module, name), argument, "TUPLE1", "EMPTY_DICT", "NEWOBJ_EX", "STOP"),
        )
        yield f"as a value {what}", code(named(module, name), "STOP")
        yield f"PROTO in between {what}", code(b"\x80\x02N0\x80\x04", stacked(module, name), "STOP")
        yield f"memoised parts {what}", code(
            text(module), "MEMOIZE", "POP", text(name), "MEMOIZE", "POP", "BINGET", b"\0", "BINGET", b"\1",
            "STACK_GLOBAL", argument, "TUPLE1", "REDUCE", "STOP",
        )  # fmt: skip
    old = code(b"\x80\x04", named("__builtin__", "set"), "EMPTY_LIST", "TUPLE1", "REDUCE", "STOP")
    yield "a name of Python 2 in protocol 4", old
    yield "a name that is no text", code(1, 2, "STACK_GLOBAL", "STOP")
    yield "a name that does not end", code("GLOBAL", b"x" * MEBIBYTE)
    yield "a long name", code("GLOBAL", b"x" * 500, b"\n", b"y\n", "STOP")
    for opcode, index in (("EXT1", b"\1"), ("EXT2", b"\1\0"), ("EXT4", b"\1\0\0\0")):
        yield opcode, code(opcode, index, "STOP")
        yield f"{opcode} called", code(opcode, index, "EMPTY_TUPLE", "REDUCE", "STOP")


def _tokens() -> Iterator[tuple[str, bytes]]:
    """Yield globals that are known, used for what they are not."""
    for module, name in (("builtins", "set"), ("_codecs", "encode"), ("uuid", "UUID"), ("builtins", "object")):
        known = named(module, name)
        what = f"{module}.{name}"
        yield f"{what} as the value", code(known, "STOP")
        yield f"{what} in a list", code("EMPTY_LIST", known, "APPEND", "STOP")
        yield f"{what} in a list at once", code("EMPTY_LIST", "MARK", known, "APPENDS", "STOP")
        yield f"{what} in a tuple", code(known, "TUPLE1", "STOP")
        yield f"{what} as a key", code("EMPTY_DICT", known, 1, "SETITEM", "STOP")
        yield f"{what} as an item of a dict", code("EMPTY_DICT", 1, known, "SETITEM", "STOP")
        yield f"{what} in a set", code("EMPTY_SET", "MARK", known, "ADDITEMS", "STOP")
        yield f"{what} in a frozenset", code("MARK", known, "FROZENSET", "STOP")
        yield (
            f"{what} in a slice",
            code(named("builtins", "slice"), known, "NONE", "NONE", "TUPLE3", "REDUCE", "STOP"),
        )
        yield f"{what} by the memo", code(known, "MEMOIZE", "POP", "BINGET", b"\0", "STOP")
        yield f"{what} built", code(known, "EMPTY_DICT", "BUILD", "STOP")
        state = code("NONE", "EMPTY_DICT", text("x"), 1, "SETITEM", "TUPLE2")
        yield f"{what} with slots set", code(known, state, "BUILD", "STOP")
        yield f"{what} called without a tuple", code(known, "EMPTY_LIST", "REDUCE", "STOP")
        yield f"{what} appended to", code(known, 1, "APPEND", "STOP")
    blank = code(named("uuid", "UUID"), "EMPTY_TUPLE", "NEWOBJ")
    yield "a UUID that is not filled", code(blank, "STOP")
    yield "a UUID that is not filled, by the memo", code(blank, "MEMOIZE", "POP", "BINGET", b"\0", "STOP")
    yield "a UUID filled twice", code(blank, *(code("EMPTY_DICT", text("int"), 1, "SETITEM", "BUILD"),) * 2, "STOP")
    for name, value in (
        ("text", text("x")), ("too wide", long(1 << 200)), ("negative", long(-1)), ("None", b"N"), ("bool", b"\x88"),
    ):  # fmt: skip
        filled = code(blank, "EMPTY_DICT", text("int"), value, "SETITEM", "BUILD", "STOP")
        yield f"a UUID of {name}", filled
    yield (
        "a UUID with more",
        code(blank, "EMPTY_DICT", "MARK", text("int"), 1, text("is_safe"), 1, "SETITEMS", "BUILD", "STOP"),
    )
    yield "a UUID with a list", code(blank, "EMPTY_LIST", "BUILD", "STOP")
    yield "a UUID with arguments", code(named("uuid", "UUID"), text("x"), "TUPLE1", "NEWOBJ", "STOP")
    yield "a list built", code("EMPTY_LIST", "EMPTY_DICT", "BUILD", "STOP")
    yield "a set by NEWOBJ", code(named("builtins", "set"), "EMPTY_TUPLE", "NEWOBJ", "STOP")
    yield "bytes by NEWOBJ", code(named("builtins", "bytes"), 1, "TUPLE1", "NEWOBJ", "STOP")
    yield (
        "an object reconstructed",
        code(
            named("copyreg", "_reconstructor"), *(named("builtins", "object"),) * 2, "NONE", "TUPLE3", "REDUCE", "STOP"
        ),
    )


def _arguments() -> Iterator[tuple[str, bytes]]:
    """Yield known globals, given what is not for them."""
    memoised = code("BINUNICODE", struct.pack("<I", 30_000), b"a" * 30_000, "MEMOIZE", "POP")
    wide = code(long((1 << 8000) - 1), "MEMOIZE", "POP", long((1 << 7990) - 3), "MEMOIZE", "POP", "EMPTY_LIST", "MARK")
    cases: tuple[tuple[str, str, bytes], ...] = (
        ("builtins", "bytearray", code(b"J\xff\xff\xff\x7f", "TUPLE1")),
        ("builtins", "bytearray", code("EMPTY_LIST", "TUPLE1")),
        ("builtins", "bytearray", code(text("a"), text("utf-8"), "TUPLE2")),
        ("builtins", "bytes", code(b"J\xff\xff\xff\x7f", "TUPLE1")),
        ("builtins", "complex", code(text("1"), "TUPLE1")),
        ("builtins", "range", code(1, 2, 0, "TUPLE3")),
        ("builtins", "range", code(1, "TUPLE1")),
        ("builtins", "slice", code(1, "TUPLE1")),
        ("builtins", "set", code(text("abc"), "TUPLE1")),
        ("builtins", "set", code("EMPTY_LIST", "MARK", 1, 1, "APPENDS", "TUPLE1")),
        ("builtins", "set", code("EMPTY_LIST", "EMPTY_LIST", "APPEND", "TUPLE1")),
        (
            "builtins",
            "set",
            code(named("builtins", "range"), 0, b"J\0\0\0\x7f", 1, "TUPLE3", "REDUCE", "TUPLE1"),
        ),
        ("builtins", "frozenset", code("EMPTY_TUPLE", "TUPLE1")),
        ("_codecs", "encode", code(text("x" * 200), text("punycode"), "TUPLE2")),
        ("_codecs", "encode", code(text("x"), text("rot13"), "TUPLE2")),
        ("_codecs", "encode", code(text("x"), text("bz2"), "TUPLE2")),
        ("_codecs", "encode", code(text("\u20ac"), text("latin1"), "TUPLE2")),
        ("decimal", "Decimal", code(text("1E+999999999999999999"), "TUPLE1")),
        ("decimal", "Decimal", code(text("1E-99999"), "TUPLE1")),
        ("decimal", "Decimal", code(text("\u0661"), "TUPLE1")),
        ("decimal", "Decimal", code(text("x"), "TUPLE1")),
        ("decimal", "Decimal", code(1, "TUPLE1")),
        ("decimal", "Decimal", code("BINUNICODE", struct.pack("<I", MEBIBYTE), b"9" * MEBIBYTE, "TUPLE1")),
        ("fractions", "Fraction", code(text("1e99999999"), "TUPLE1")),
        ("fractions", "Fraction", code(1, 0, "TUPLE2")),
        ("datetime", "date", code("SHORT_BINBYTES", b"\4\x07\xe8\x02\xff", "TUPLE1")),
        ("datetime", "date", code("SHORT_BINBYTES", b"\3abc", "TUPLE1")),
        ("datetime", "date", code(text("abcd"), "TUPLE1")),
        ("datetime", "datetime", code("SHORT_BINBYTES", b"\x0a" + b"\xff" * 10, "TUPLE1")),
        ("datetime", "datetime", code("SHORT_BINBYTES", b"\x0a\x07\xe8\1\1\0\0\0\0\0\0", 1, "TUPLE2")),
        ("datetime", "time", code("SHORT_BINBYTES", b"\6" + b"\x7f" * 6, "TUPLE1")),
        ("datetime", "time", code("EMPTY_TUPLE")),
        ("datetime", "timedelta", code(long(1 << 200), 0, 0, "TUPLE3")),
        ("datetime", "timedelta", code(b"G" + struct.pack(">d", 1.5), 0, 0, "TUPLE3")),
        ("datetime", "timezone", code(1, "TUPLE1")),
        ("datetime", "timezone", code(named("datetime", "timedelta"), 9, 0, 0, "TUPLE3", "REDUCE", "TUPLE1")),
        ("limpet", "enum", code(text("Color"), text("RED"), "TUPLE2")),
        ("limpet", "enum", code(1, 2, "TUPLE2")),
        ("limpet", "record", code(text("Point"), "EMPTY_DICT", "TUPLE2")),
        ("limpet", "record", code(text("Point"), "EMPTY_LIST", "TUPLE2")),
    )
    for number, (module, name, args) in enumerate(cases):
        yield f"arguments {number} for {module}.{name}", code(named(module, name), args, "REDUCE", "STOP")
    many = code(named("builtins", "bytearray"), "BINGET", b"\1", "TUPLE1", "REDUCE") * 20_000
    yield "one text made many bytearrays", code(
        "BINBYTES", struct.pack("<I", MEBIBYTE), bytes(MEBIBYTE), "MEMOIZE", "MEMOIZE", "POP",
        "EMPTY_LIST", "MARK", many, "APPENDS", "STOP",
    )  # fmt: skip
    many = code(named("_codecs", "encode"), "BINGET", b"\0", text("latin1"), "TUPLE2", "REDUCE") * 20_000
    yield "one text made many bytes", code(memoised, "EMPTY_LIST", "MARK", many, "APPENDS", "STOP")
    many = code(named("fractions", "Fraction"), "BINGET", b"\0", "BINGET", b"\1", "TUPLE2", "REDUCE") * 30_000
    yield "many wide fractions", code(wide, many, "APPENDS", "STOP")


def _stack() -> Iterator[tuple[str, bytes]]:
    yield "nothing", b""
    yield "STOP alone", code("STOP")
    yield "no STOP", code("NONE")
    yield "two values", code("NONE", "NONE", "STOP")
    yield "a mark that is left", code("MARK", "NONE", "STOP")
    yield "a mark left below", code("NONE", "MARK", "NONE", "STOP")
    yield "bytes behind STOP", code("NONE", "STOP", "NONE")
    yield "a second pickle", code("NONE", "STOP") * 2
    for version in (6, 7, 255):
        yield f"protocol {version}", bytes([0x80, version]) + code("NONE", "STOP")
    yield "PROTO cut short", b"\x80"
    yield "PROTO twice", b"\x80\4\x80\4N."
    for opcode in (
        "POP",
        "POP_MARK",
        "APPEND",
        "APPENDS",
        "SETITEM",
        "SETITEMS",
        "ADDITEMS",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
    ):
        yield f"{opcode} of nothing", code(opcode, "NONE", "STOP")
    for opcode in (
        "TUPLE3",
        "LIST",
        "DICT",
        "FROZENSET",
        "REDUCE",
        "BUILD",
        "NEWOBJ",
        "MEMOIZE",
        "BINPERSID",
        "STACK_GLOBAL",
    ):
        yield f"{opcode} of nothing", code(opcode, "NONE", "STOP")
    for opcode in ("DUP", "PERSID", "STRING", "BINSTRING", "SHORT_BINSTRING", "NEXT_BUFFER", "READONLY_BUFFER"):
        yield opcode, code("NONE", opcode, b"0\n", "STOP")
    for byte in (0x00, 0x0A, 0x2F, 0x7F, 0x99, 0xC0, 0xFF):
        yield f"the byte {byte:#04x}", bytes([byte]) + code("NONE", "STOP")
    for target in ("EMPTY_TUPLE", "EMPTY_DICT", "EMPTY_SET", "NONE"):
        yield f"APPEND to {target}", code(target, 1, "APPEND", "STOP")
        yield f"APPENDS to {target}", code(target, "MARK", 1, "APPENDS", "STOP")
    for target in ("EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_SET", "NONE"):
        yield f"SETITEM of {target}", code(target, 0, 1, "SETITEM", "STOP")
        yield f"SETITEMS of {target}", code(target, "MARK", 0, 1, "SETITEMS", "STOP")
    for target in ("EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "NONE"):
        yield f"ADDITEMS to {target}", code(target, "MARK", 1, "ADDITEMS", "STOP")
    yield "a key without a value", code("EMPTY_DICT", "MARK", 1, "SETITEMS", "STOP")
    yield "a key without a value, at once", code("MARK", 1, "DICT", "STOP")
    yield "two equal keys", code("EMPTY_DICT", "MARK", 1, 2, 1, 3, "SETITEMS", "STOP")
    yield "equal keys of two types", code("EMPTY_DICT", 1, 2, "SETITEM", "NEWTRUE", 3, "SETITEM", "STOP")
    yield "two equal items", code("EMPTY_SET", "MARK", 1, "NEWTRUE", "ADDITEMS", "STOP")
    yield "two equal items, frozen", code("MARK", 1, 1, "FROZENSET", "STOP")
    for key in ("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"):
        yield f"{key} as a key", code("EMPTY_DICT", key, 1, "SETITEM", "STOP")
        yield f"{key} in a key", code("EMPTY_DICT", key, "TUPLE1", 1, "SETITEM", "STOP")
    nan = b"G" + struct.pack(">d", float("nan"))
    yield "NaN as a key", code("EMPTY_DICT", nan, 1, "SETITEM", "STOP")
    yield "NaN in a key", code("EMPTY_SET", "MARK", nan, "TUPLE1", "ADDITEMS", "STOP")
    signalling = code(named("decimal", "Decimal"), text("sNaN"), "TUPLE1", "REDUCE")
    yield "a signalling NaN as a key", code("EMPTY_DICT", signalling, 1, "SETITEM", "STOP")
    yield (
        "a slice as a key",
        code(
            "EMPTY_DICT", named("builtins", "slice"), "NONE", "NONE", "NONE", "TUPLE3", "REDUCE", 1, "SETITEM", "STOP"
        ),
    )


def _texts() -> Iterator[tuple[str, bytes]]:
    for name, line in {
        "INT": (b"", b"x", b"1_0", b"0x10", b"010", b" 1", b"1.5", b"9" * 5000, b"9" * MEBIBYTE, b"00000"),
        "LONG": (b"L", b"xL", b"1_0L", b"0x10L", b"9" * 4000 + b"L", b"--1L"),
        "FLOAT": (b"", b"x", b"1_0.0", b"0x1p3", b"1" * 100, b"nan(0)", b" 1.0"),
        "GET": (b"", b"-1", b"x", b"0", b"9" * 20),
        "PUT": (b"", b"-1", b"x", b"5", b"99999999"),
        "UNICODE": (b"\\ud800", b"\\u12", b"\\U00110000"),
    }.items():
        for number, value in enumerate(line):
            yield f"{name} {number}", code("NONE" if name == "PUT" else b"", name, value, b"\n", "STOP")
        yield f"{name} without an end", code(name, b"1")
    yield "text that is not UTF-8", code("SHORT_BINUNICODE", b"\1\xff", "STOP")
    yield "a surrogate", code("SHORT_BINUNICODE", b"\3\xed\xa0\x80", "STOP")
    yield "an integer over the limit", code(long(1 << 8192), "STOP")
    yield "an integer far over the limit", code("LONG4", struct.pack("<I", MEBIBYTE), b"\x7f" * MEBIBYTE, "STOP")


def _sizes() -> Iterator[tuple[str, bytes]]:
    for opcode in ("BINUNICODE", "BINBYTES", "LONG4"):
        for size in (100, 768 << 20, 0xFFFF_FFFF):
            yield f"{opcode} claims {size}", code(opcode, struct.pack("<I", size), b"x", "STOP")
    for opcode in ("BINUNICODE8", "BINBYTES8", "BYTEARRAY8", "FRAME"):
        for wide in (100, 768 << 20, 1 << 62, (1 << 64) - 1):
            yield f"{opcode} claims {wide}", code(opcode, struct.pack("<Q", wide), b"x", "STOP")
    for opcode in ("SHORT_BINUNICODE", "SHORT_BINBYTES", "LONG1"):
        yield f"{opcode} cut short", code(opcode, b"\xffabc", "STOP")
    for opcode in ("BININT1", "BININT2", "BININT", "BINFLOAT", "BINUNICODE", "LONG4", "BYTEARRAY8", "BINGET", "BINPUT"):
        yield f"{opcode} cut off", code("NONE", opcode)
    for index in (b"\xff\xff\xff\x01", b"\xff\xff\xff\xff", b"\2\0\0\0"):
        yield f"a memo of {index.hex()}", code("EMPTY_LIST", "LONG_BINPUT", index, "STOP")
        yield f"nothing in the memo at {index.hex()}", code("LONG_BINGET", index, "STOP")
    yield "a memo that begins with 200", code("EMPTY_LIST", "BINPUT", b"\xc8", "STOP")


def _large() -> Iterator[tuple[str, bytes]]:
    for name in ("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "EMPTY_TUPLE", "NONE", "MARK"):
        yield f"a mebibyte of {name}", code(name) * MEBIBYTE + code("STOP")
        yield f"a list of a mebibyte of {name}", code("EMPTY_LIST", "MARK", code(name) * MEBIBYTE, "APPENDS", "STOP")
    frozen = code("MARK", 1, "FROZENSET") * (MEBIBYTE // 4)
    yield "a mebibyte of frozensets", code("EMPTY_LIST", "MARK", frozen, "APPENDS", "STOP")
    yield "many numbers in rows", code(1) * (3 * MEBIBYTE) + code("STOP")
    yield "many numbers between", (b"N0" * 32 + code(1, 1)) * (MEBIBYTE // 8) + code("NONE", "STOP")
    yield "many memoised", code("NONE", b"\x94" * (4 * MEBIBYTE), "STOP")
    yield "lists in lists", b"]" * 100_000 + b"a" * 99_999 + b"."
    yield "tuples in tuples", b")" + b"\x85" * 400_000 + b"."
    yield "tuples in a key", b"})" + b"\x85" * 400_000 + b"Ns."
    yield "a mebibyte of nested tuples kept", b")\x94" + b"\x85\x94" * (MEBIBYTE // 2) + b"."
    doubled = b"".join(b"h%ch%c\x86\x94" % (number, number) for number in range(60))
    yield "a tuple of two of a tuple of two ...", b"()\x94" + doubled + b"t."
    yield "such a tuple as a key", b")\x94" + doubled + b"0" * 61 + b"}h\x3cNs."
    yield "such a tuple in a set", b"\x8f()\x94" + doubled + b"\x90."
    lists = b"".join(b"0]\x94(h%ch%ce" % (number, number) for number in range(60))
    yield "a list of two of a list of two ...", b"]\x94" + lists + b"."
    dicts = b"".join(b"0}\x94(K\0h%cK\1h%cu" % (number, number) for number in range(60))
    yield "a dict of two of a dict of two ...", b"}\x94" + dicts + b"."
    knot = b"".join(b"h%c(%be" % (one, b"".join(b"h%c" % other for other in range(30))) for one in range(30))
    yield "thirty lists that hold each other", b"]\x94" * 30 + knot.replace(b"e", b"e0") + b"0" * 29 + b"."


def _collisions() -> Iterator[tuple[str, bytes]]:
    whole = [long(number * PRIME) for number in range(1, 20_001)]
    yield "keys with one hash", code("EMPTY_DICT", "MARK", *(key + b"N" for key in whole), "SETITEMS", "STOP")
    yield "keys with one hash, one by one", code("EMPTY_DICT", *(key + b"Ns" for key in whole), "STOP")
    yield "items with one hash", code("EMPTY_SET", "MARK", *whole, "ADDITEMS", "STOP")
    yield "items with one hash, one by one", code("EMPTY_SET", *(b"(" + key + b"\x90" for key in whole), "STOP")
    yield "frozen items with one hash", code("MARK", *whole, "FROZENSET", "STOP")
    yield (
        "a set of a list with one hash",
        code(named("builtins", "set"), "EMPTY_LIST", "MARK", *whole, "APPENDS", "TUPLE1", "REDUCE", "STOP"),
    )
    tuples = [
        code("MARK", *(b"G" + struct.pack(">d", item) for item in key), "TUPLE") for key in islice(equal_hashes(), 4000)
    ]
    yield "tuples with one hash", code("EMPTY_SET", "MARK", *tuples, "ADDITEMS", "STOP")


def _beside() -> Iterator[tuple[str, bytes]]:
    """Yield references and buffers that are none; the message has one of each."""
    for name, number in (
        ("reference 1", 1),
        ("buffer 1", 1 << 16 | 1),
        ("bytearray 1", 2 << 16 | 1),
        ("kind 3", 3 << 16),
        ("kind 255", 255 << 16),
        ("a negative one", -1),
    ):
        yield f"by persistent id: {name}", code(long(number), "BINPERSID", "STOP")
    for name, what in (("text", text("0")), ("True", b"\x88"), ("a tuple", b")"), ("a float", b"G" + bytes(8))):
        yield f"a persistent id that is {name}", code(what, "BINPERSID", "STOP")
    yield "one buffer twice", code(*(long(2 << 16), "BINPERSID") * 2, "TUPLE2", "STOP")
    yield "a reference as a key", code("EMPTY_DICT", 0, "BINPERSID", 1, "SETITEM", "STOP")
    yield "a reference in a key", code("EMPTY_SET", "MARK", 0, "BINPERSID", "TUPLE1", "ADDITEMS", "STOP")
    yield "a reference appended to", code(0, "BINPERSID", 1, "APPEND", "STOP")
    yield "a reference built", code(0, "BINPERSID", "EMPTY_DICT", "BUILD", "STOP")
    yield "a reference called", code(0, "BINPERSID", "EMPTY_TUPLE", "REDUCE", "STOP")


CASES: tuple[Callable[[], Iterator[tuple[str, bytes]]], ...] = (
    _code_runs,
    _tokens,
    _arguments,
    _stack,
    _texts,
    _sizes,
    _large,
    _collisions,
    _beside,
)
HOSTILE: dict[str, bytes] = dict(case for cases in CASES for case in cases())
"""Each must be refused by a reader whose message has one reference and one buffer."""
