"""Values to bytes and back: what a codec is, the default one, and one for pickles."""

from limpet.codec.base import Codec, Leaves, Record, Referred, Resolver, Shallow
from limpet.codec.msgpack import MsgpackCodec
from limpet.codec.restricted import RestrictedCodec

__all__ = ["Codec", "Leaves", "MsgpackCodec", "Record", "Referred", "Resolver", "RestrictedCodec", "Shallow"]
