"""limpet without I/O, for those who bring their own: a transport, an event loop, a fuzzer.

    client = Connection.client(profile, peer=Peer(), clock=clock, entropy=os.urandom)
    server = Connection.server(profile, peer=Peer(), clock=clock, entropy=os.urandom)
    while pieces := client.outgoing() or server.outgoing(): ...

Give each what the other's ``outgoing`` returned, whole or a byte at a time. Once the
phase is OPEN, ``session`` takes requests and answers, and an `Endpoint` on it turns them
into calls of objects.
"""

from limpet.objects.dispatch import Dispatch
from limpet.objects.endpoint import Endpoint, make_tables
from limpet.objects.services import catalog
from limpet.peer import Peer
from limpet.profile import Profile
from limpet.session.body import Body
from limpet.session.connection import Connection, Phase
from limpet.session.messages import Flag, Kind, View, What
from limpet.session.schedule import Pending, Request
from limpet.session.session import Session

__all__ = [
    "Body",
    "Connection",
    "Dispatch",
    "Endpoint",
    "Flag",
    "Kind",
    "Peer",
    "Pending",
    "Phase",
    "Profile",
    "Request",
    "Session",
    "View",
    "What",
    "catalog",
    "make_tables",
]
