"""Values to bytes and back: what a codec is, and the default one."""

from limpet.codec.base import Codec, Leaves, Record, Referred, Resolver, Shallow
from limpet.codec.msgpack import MsgpackCodec

__all__ = ["Codec", "Leaves", "MsgpackCodec", "Record", "Referred", "Resolver", "Shallow"]
