"""The opcodes of pickle that the restricted codec knows, and what stands for what pickle has no form for.

A payload is one pickle (https://docs.python.org/3/library/pickle.html) of protocol 0 to 5, as
``pickle.dumps`` writes it for plain data. It begins with PROTO, from protocol 2 on, and ends with
the only STOP. A writer writes protocol 5 without frames.

**Globals** name no code here. The pairs of module and name in `limpet.codec.constructors` are all
there are; each stands for a function of this package that checks its arguments, and may be used in
REDUCE alone (a UUID's in NEWOBJ and BUILD). Two are limpet's own:

    limpet enum      name of the class: str, name of the member: str
    limpet record    name of the class: str, fields: dict from str

**References and buffers** are BINPERSID behind an int: index | kind << 16.

    kind 0  REFERENCE         index in the message's table of references
    kind 1  BUFFER            index of a ``bytes`` among the message's buffers
    kind 2  BYTEARRAY_BUFFER  the same for a ``bytearray``; no two name one buffer
"""

from __future__ import annotations

from typing import Final

__all__ = ["BUFFER", "BYTEARRAY_BUFFER", "NAMES", "REFERENCE"]

REFERENCE: Final = 0
BUFFER: Final = 1
BYTEARRAY_BUFFER: Final = 2

NAMES: Final = {
    # What is read.
    "BINBYTES": 0x42, "BINBYTES8": 0x8E, "BINFLOAT": 0x47, "BINGET": 0x68, "BININT": 0x4A, "BININT1": 0x4B,
    "BININT2": 0x4D, "BINPERSID": 0x51, "BINPUT": 0x71, "BINUNICODE": 0x58, "BINUNICODE8": 0x8D, "BUILD": 0x62,
    "BYTEARRAY8": 0x96, "ADDITEMS": 0x90, "APPEND": 0x61, "APPENDS": 0x65, "DICT": 0x64, "EMPTY_DICT": 0x7D,
    "EMPTY_LIST": 0x5D, "EMPTY_SET": 0x8F, "EMPTY_TUPLE": 0x29, "FLOAT": 0x46, "FRAME": 0x95, "FROZENSET": 0x91,
    "GET": 0x67, "GLOBAL": 0x63, "INT": 0x49, "LIST": 0x6C, "LONG": 0x4C, "LONG1": 0x8A, "LONG4": 0x8B,
    "LONG_BINGET": 0x6A, "LONG_BINPUT": 0x72, "MARK": 0x28, "MEMOIZE": 0x94, "NEWFALSE": 0x89, "NEWOBJ": 0x81,
    "NEWTRUE": 0x88, "NONE": 0x4E, "POP": 0x30, "POP_MARK": 0x31, "PUT": 0x70, "REDUCE": 0x52, "SETITEM": 0x73,
    "SETITEMS": 0x75, "SHORT_BINBYTES": 0x43, "SHORT_BINUNICODE": 0x8C, "STACK_GLOBAL": 0x93, "STOP": 0x2E,
    "TUPLE": 0x74, "TUPLE1": 0x85, "TUPLE2": 0x86, "TUPLE3": 0x87, "UNICODE": 0x56,
    # What is refused where it stands: plain data needs none of it. PROTO is read as the first byte alone.
    "PROTO": 0x80, "BINSTRING": 0x54, "DUP": 0x32, "EXT1": 0x82, "EXT2": 0x83, "EXT4": 0x84, "INST": 0x69,
    "NEWOBJ_EX": 0x92, "NEXT_BUFFER": 0x97, "OBJ": 0x6F, "PERSID": 0x50, "READONLY_BUFFER": 0x98,
    "SHORT_BINSTRING": 0x55, "STRING": 0x53,
}  # fmt: skip
"""All opcodes by the names that ``pickle`` gives them."""
