"""Remote objects: calls, attributes and operators on objects of another process.

A server keeps a user's objects; a client holds thin proxies of them; calls, attributes
and operators happen on the server::

    limpet.serve(Account)                                    # in one process

    with limpet.connect("limpet://127.0.0.1:7373") as session:   # in another
        account = session.open("Ada")
        account.deposit(5)
"""

from limpet._version import __version__
from limpet.codec import MsgpackCodec, RestrictedCodec
from limpet.drivers.threads.client import ClientSession, RemoteService, connect
from limpet.drivers.threads.deadline import timeout
from limpet.drivers.threads.server import Server, serve
from limpet.errors import (
    AccessDenied,
    CallCancelled,
    CallError,
    CallTimeout,
    Code,
    ConfigurationError,
    ConnectRefused,
    DecodeError,
    EncodeError,
    LimitExceeded,
    LimpetError,
    ProtocolError,
    RemoteError,
    SessionClosed,
    SessionError,
    SessionLost,
)
from limpet.framing.keys import Key, KeyRing
from limpet.limits import Limits
from limpet.logs import log
from limpet.objects.context import cancelled, peer
from limpet.objects.dispatch import Invocation
from limpet.objects.proxy import copy, is_proxy, later, oneway, release
from limpet.objects.proxy_class import prefetch
from limpet.objects.wrappers import functions, mutable, ref
from limpet.peer import Peer
from limpet.policy import Addresses, ErrorPolicy, Exposure, Level, by_value, concurrent, expose, hide
from limpet.profile import Profile

__all__ = [
    "AccessDenied",
    "Addresses",
    "CallCancelled",
    "CallError",
    "CallTimeout",
    "ClientSession",
    "Code",
    "ConfigurationError",
    "ConnectRefused",
    "DecodeError",
    "EncodeError",
    "ErrorPolicy",
    "Exposure",
    "Invocation",
    "Key",
    "KeyRing",
    "Level",
    "LimitExceeded",
    "Limits",
    "LimpetError",
    "MsgpackCodec",
    "Peer",
    "Profile",
    "ProtocolError",
    "RemoteError",
    "RemoteService",
    "RestrictedCodec",
    "Server",
    "SessionClosed",
    "SessionError",
    "SessionLost",
    "__version__",
    "by_value",
    "cancelled",
    "concurrent",
    "connect",
    "copy",
    "expose",
    "functions",
    "hide",
    "is_proxy",
    "later",
    "log",
    "mutable",
    "oneway",
    "peer",
    "prefetch",
    "ref",
    "release",
    "serve",
    "timeout",
]
