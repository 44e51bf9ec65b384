"""A server: objects of a service, for any number of sessions, on threads of its own."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, RLock, Thread
from types import TracebackType
from typing import Any, Final, Literal, Self

from limpet.drivers.keyfile import KeyFile
from limpet.drivers.threads.address import DEFAULT_URL, listen, parse_url, prepare
from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.deadline import seconds_until
from limpet.drivers.threads.keywatch import KeyWatch
from limpet.drivers.threads.watcher import Watcher
from limpet.drivers.threads.workers import LINGER_SECONDS, Workers
from limpet.errors import Code, ConfigurationError, ConnectRefused, ProtocolError
from limpet.framing.keys import KeyRing
from limpet.limits import Limits
from limpet.logs import Refusals, audit, printable, trace
from limpet.objects.dispatch import Dispatch, Interceptor, Invocation
from limpet.objects.endpoint import Endpoint, make_tables
from limpet.objects.services import catalog
from limpet.peer import Peer
from limpet.policy import Addresses, Exposure
from limpet.profile import Profile
from limpet.session.connection import Connection

__all__ = ["Server", "serve"]

_NESTED_READ_BYTES: Final = 16 * 1024
"""What a session gets to read callbacks' answers into. It keeps it, so it is small."""
_log: Final = logging.getLogger("limpet.session")


class Server:
    """Serve objects until stopped, in threads of its own.

        with limpet.Server(Account, "limpet://127.0.0.1:0") as server:
            print(server.url)

    Args:
        service: a class (an instance for each ``open``), an object (shared by all sessions),
            ``limpet.functions(...)``, a dict of named services, or ``limpet.ref(x)`` for ``x`` itself.
        url: where to listen; port 0 takes any free one.
        profile: policies, limits and codecs; `Profile.local` if not given.
        allow: addresses that may connect, in place of the profile's.
        limits: in place of the profile's.
        exposure: what may be seen of objects, in place of the profile's.
        keys: whose proofs are taken, in place of the profile's: a `KeyRing`, or the path of a file
            of keys, which is read again when it changes. Nobody else gets in, and what passes is encrypted.
        local: "anyone" lets every user of this machine in. It is what there is without keys.
        results: "copy" sends plain results by value, "reference" by reference.
        concurrent: let the calls of one session run at the same time.
        serial: let one call run at a time, over all sessions.
        interceptors: run around every use of an object, outermost first.

    Raises:
        ConfigurationError: if the service cannot be served, or the address is not safe to listen at.
        OSError: if the address is taken.
    """

    def __init__(
        self,
        service: object,
        url: str = DEFAULT_URL,
        *,
        profile: Profile | None = None,
        allow: str | Sequence[str] | None = None,
        limits: Limits | None = None,
        exposure: Exposure | None = None,
        keys: KeyRing | str | Path | None = None,
        local: Literal["anyone"] = "anyone",
        results: Literal["reference", "copy"] = "reference",
        concurrent: bool = False,
        serial: bool = False,
        interceptors: Sequence[Interceptor] = (),
    ) -> None:
        if local != "anyone":
            raise ConfigurationError(
                f"local= can only be 'anyone'; with keys= only who proves one gets in. Not {local!r}"
            )
        if results not in ("reference", "copy"):
            raise ConfigurationError(f"results= is 'reference' or 'copy', not {results!r}")
        changes: dict[str, Any] = {}
        self._key_watch: KeyWatch | None = None
        if allow is not None:
            changes["addresses"] = Addresses(*([allow] if isinstance(allow, str) else allow))
        if limits is not None:
            changes["limits"] = limits
        if exposure is not None:
            changes["exposure"] = exposure
        if keys is not None:
            changes["keys"] = self._ring(keys)
        self.profile: Profile = replace(profile or Profile.local(), **changes)
        self._catalog = catalog(service)
        self._address = parse_url(url)
        self.profile.check_bind(None if self._address.path is not None else self._address.host)
        around: tuple[Interceptor, ...] = (_Serial(), *interceptors) if serial else tuple(interceptors)
        tables = make_tables(self.profile)
        for served in self._catalog.values():
            tables.served(served.cls)
        self._dispatch = Dispatch(tables, self.profile.names, self._catalog, around)
        self._refusals = Refusals(time.monotonic)
        self._copies_results = results == "copy"
        self._concurrent = concurrent
        self._lock = Lock()
        self._channels: set[Channel] = set()
        self._shaking_hands: dict[Channel, None] = {}
        """Those that have not finished their handshake, the oldest first."""
        self._per_address: Counter[object] = Counter()
        self._workers = Workers(self.profile.limits.workers, self._begin)
        self._watcher: Watcher | None = None
        self._stopped = Event()
        self._stop_lock = Lock()
        self._haste = Event()
        """Set when nobody wants to wait for running calls any more."""
        self._pid = os.getpid()
        self._decoy = os.urandom(32)
        """Stands for the keys that there are not."""
        self._inode = 0

    @property
    def url(self) -> str:
        """Return where clients connect to, with the port that was given."""
        return str(self._address)

    def start(self) -> None:
        """Begin to listen and serve; return at once."""
        if self._watcher is not None:
            raise RuntimeError("this server was started already")
        listener, self._address = listen(self._address)
        if self._address.path is not None:
            self._inode = self._address.path.stat().st_ino
        self._watcher = Watcher(listener, self._accept, self._workers)
        if self._address.path is None and self.profile.keys is None:
            audit.warning("serving %s to every user of this machine: local='anyone'", self.url)
        if self._key_watch is not None:
            self._key_watch.start()
        self._watcher.start()

    def stop(self) -> None:
        """Stop in order: no new connections, running calls finish, clients are told, all is closed.

        Calls that run longer than `Limits.stop_seconds` are left to themselves. Twice is harmless.
        """
        with self._stop_lock:
            if self._watcher is not None and not self._stopped.is_set() and self._pid == os.getpid():
                self._stop(self._watcher)
                self._stopped.set()

    def _ring(self, keys: object) -> KeyRing:
        """Return the keys that were given to this server, and see to it that a file is looked at."""
        if isinstance(keys, str | Path):
            file = KeyFile(Path(keys).absolute())
            self._key_watch = KeyWatch(file, self.replace_keys)
            keys = file.ring
        if not isinstance(keys, KeyRing):
            kind = type(keys).__name__
            raise ConfigurationError(f"keys= is the path of a file of keys, or limpet.KeyRing([key]), not a {kind}")
        if not keys.by_id:
            raise ConfigurationError("keys= has no key, so that nobody could connect; `limpet keys new` makes one")
        return keys

    def replace_keys(self, keys: KeyRing) -> None:
        """Take proofs of other keys from now on, and end the sessions of those that are not among them.

        Raises:
            ConfigurationError: if that is no key ring, or the server has none: who is connected has proven nothing.
        """
        if not isinstance(keys, KeyRing):
            raise ConfigurationError(f"replace_keys takes a KeyRing, not {keys!r:.80}")
        if self.profile.keys is None:
            raise ConfigurationError("this server takes no proofs; make another with keys=")
        self.profile = replace(self.profile, keys=keys)
        for channel in self._snapshot():
            with channel.lock:
                # One without a session is judged when it begins.
                is_over = channel.connection.session is not None and self._locked_end_revoked(channel)
            if is_over:
                _audit_revoked(channel)
                # What it held is let go of by a worker: a finalizer that waits may not hold up this.
                channel.host.run_soon(channel)

    def _locked_end_revoked(self, channel: Channel) -> bool:
        """End the session of a key that is not valid any more; tell whether it was one."""
        key, keys = channel.connection.key, self.profile.keys
        if key is None or keys is None or keys.get(key.id) == key or channel.is_shut:
            return False
        channel.locked_close(Code.REVOKED, "the key is not valid any more")
        return True

    def hasten(self) -> None:
        """Let `stop` no longer wait for running calls. Call it from another thread than that."""
        self._haste.set()

    def _stop(self, watcher: Watcher) -> None:
        if self._key_watch is not None:
            self._key_watch.stop()
        watcher.stop_accepting()
        channels = self._snapshot()
        for channel in channels:
            with channel.lock:
                session = channel.connection.session
                if session is not None:
                    session.schedule.drain()
        deadline = time.monotonic() + self.profile.limits.stop_seconds
        while any(_is_busy(channel) for channel in channels) and time.monotonic() < deadline:
            if self._haste.wait(0.005):
                deadline = 0
        for channel in self._snapshot():
            channel.close(Code.SHUTDOWN, "the server is stopping")
        self._workers.close(max(0.1, deadline - time.monotonic()))
        watcher.stop()
        for channel in self._snapshot():
            # Accepted at the last moment.
            channel.close(Code.SHUTDOWN, "the server is stopping")
        # What sessions that ended at the last moment held, and whose answers will not come: no worker is left to let
        # go of it, or to tell them. It may be code of the user's, for which nobody waits longer than for a call.
        rest = Thread(target=_run_deferred, args=(channels,), name="limpet-rest", daemon=True)
        rest.start()
        rest.join(seconds_until(deadline, least=0.1))
        self._refusals.flush()
        self._unlink()

    def _unlink(self) -> None:
        """Take the Unix socket away, if it is still this server's and not a successor's."""
        path = self._address.path
        if path is not None:
            with suppress(FileNotFoundError):
                if path.stat().st_ino == self._inode:
                    path.unlink()

    def wait(self) -> None:
        """Wait until the server was stopped."""
        self._stopped.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<server at {self.url}>"

    @property
    def sessions(self) -> int:
        """Return how many connections there are, those still in their handshake included."""
        return len(self._channels)

    def _snapshot(self) -> list[Channel]:
        with self._lock:
            return list(self._channels)

    # Called by the watcher and the workers.

    def _accept(self, sock: socket.socket) -> None:
        """Judge a connection before a byte of it is read."""
        limits = self.profile.limits
        try:
            peer = prepare(sock, LINGER_SECONDS)
        except OSError:
            sock.close()
            return
        try:
            self._admit(peer, limits)
            connection = Connection.server(
                self.profile,
                peer=peer,
                clock=time.monotonic,
                entropy=os.urandom,
                concurrent=self._concurrent,
                decoy=self._decoy,
            )
        except ConnectRefused as refusal:
            # Of one address, whatever the port: before a proof nothing tells its peers apart.
            self._refusals.note("refused", peer, printable(str(refusal)), peer.address)
            sock.close()
            return
        trace.connected(peer)
        watcher = self._watcher
        assert watcher is not None  # noqa: S101 - it is what calls this
        channel = Channel(sock, connection, _ChannelHost(self, watcher), _NESTED_READ_BYTES)
        with self._lock:
            slowest = self._locked_slowest() if len(self._shaking_hands) >= limits.handshakes else None
            self._channels.add(channel)
            self._per_address[peer.address] += 1
            self._shaking_hands[channel] = None
        if slowest is not None:
            self._drop(slowest, limits)
        with channel.lock:
            watcher.attend(channel)

    def _admit(self, peer: Peer, limits: Limits) -> None:
        """Raise ConnectRefused if there is no room for ``peer``, or it is another user."""
        if peer.uid is not None and peer.uid != os.geteuid():
            raise ConnectRefused(f"user {peer.uid} is not the one that serves")
        with self._lock:
            if len(self._channels) >= limits.connections:
                raise ConnectRefused(f"there are {limits.connections} connections already")
            if self._per_address[peer.address] >= limits.connections_per_address:
                raise ConnectRefused(f"there are {limits.connections_per_address} connections from there already")

    def _locked_slowest(self) -> Channel:
        """Take out the oldest unfinished handshake of the address that has most of them."""
        counts = Counter(channel.connection.peer.address for channel in self._shaking_hands)
        [(address, _)] = counts.most_common(1)
        slowest = next(channel for channel in self._shaking_hands if channel.connection.peer.address == address)
        del self._shaking_hands[slowest]
        return slowest

    def _drop(self, slowest: Channel, limits: Limits) -> None:
        """Make room: whoever is silent may not keep others out."""
        reason = f"more than {limits.handshakes} connections have not finished their handshake"
        with slowest.lock:
            if slowest.connection.session is not None:
                return  # It has finished meanwhile.
            slowest.locked_lose(ConnectRefused(reason))
        peer = slowest.connection.peer
        self._refusals.note("dropped", peer, reason, peer.address)

    def _begin(self, channel: Channel) -> None:
        channel.endpoint = Endpoint(
            channel.connection,
            channel,
            self._dispatch,
            copies_results=self._copies_results,
            refusals=self._refusals,
        )
        with self._lock:
            self._shaking_hands.pop(channel, None)
        # The keys may have been replaced since its Hello.
        if self._locked_end_revoked(channel):
            _audit_revoked(channel)
            return
        _log.info("session began peer=%s", channel.connection.peer)

    def forget(self, channel: Channel) -> None:
        """Take out a channel that is closed."""
        peer = channel.connection.peer
        with self._lock:
            self._shaking_hands.pop(channel, None)
            if channel in self._channels:
                self._channels.remove(channel)
                self._per_address[peer.address] -= 1
                if not self._per_address[peer.address]:
                    del self._per_address[peer.address]
        failure, reason = channel.connection.failure, printable(str(channel.connection.failure))
        if channel.connection.session is None and isinstance(failure, ProtocolError):
            # What guesses at keys, or looks for what answers, tries again and again.
            self._refusals.note("refused", peer, reason, peer.address)
        else:
            _log.info("session ended peer=%s reason=%s", peer, reason)


class _ChannelHost:
    """What a server's channels turn to: its watcher, and the server that counts them."""

    __slots__ = ("_server", "_watcher")

    def __init__(self, server: Server, watcher: Watcher) -> None:
        self._server = server
        self._watcher = watcher

    watches_each = True

    @property
    def is_pressed(self) -> bool:
        return self._watcher.is_pressed

    def attend(self, channel: Channel, /) -> None:
        self._watcher.attend(channel)

    def run_soon(self, channel: Channel, /) -> None:
        self._watcher.run_soon(channel)

    def forget(self, channel: Channel, /) -> None:
        self._server.forget(channel)
        self._watcher.forget(channel)


class _Serial:
    """Let one use of an object run at a time. A callback's own call comes in on the same thread, and passes."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __call__(self, invocation: Invocation, following: Callable[[Invocation], Any]) -> Any:
        with self._lock:
            return following(invocation)


def _is_busy(channel: Channel) -> bool:
    with channel.lock:
        session = channel.connection.session
        return session is not None and session.ended is None and not session.schedule.is_idle


def serve(service: object, url: str = DEFAULT_URL, **options: Any) -> None:
    """Serve until interrupted, for programs that do nothing else. Takes what `Server` takes.

    It says on standard error where it serves. At Ctrl-C it waits for running calls as
    `Server.stop` does, at a second one no longer.

    Raises:
        ConfigurationError: if the service cannot be served, or the address is not safe to listen at.
        OSError: if the address is taken.
    """
    server = Server(service, url, **options)
    asked, ended = Event(), Event()

    def stop() -> None:
        asked.wait()
        try:
            server.stop()
        finally:
            ended.set()

    # On a thread of its own, so that another interrupt does not break off in the middle of it.
    stopping = Thread(target=stop, name="limpet-stop", daemon=True)
    stopping.start()
    try:
        # An interrupt is how a person stops a server; it comes out of the wait.
        with suppress(KeyboardInterrupt):
            server.start()
            _announce(server)
            server.wait()
    finally:
        with suppress(KeyboardInterrupt):
            try:
                asked.set()
                ended.wait()  # Not join: once that was interrupted, it takes the thread for ended.
            except KeyboardInterrupt:
                server.hasten()
                ended.wait()
            stopping.join()


def _audit_revoked(channel: Channel) -> None:
    key = channel.connection.key
    assert key is not None  # noqa: S101 - it is what was revoked
    whose = f"{printable(key.name)}, id {key.id.hex()[:8]}"
    audit.warning("revoked peer=%s reason=the key of %s, is not valid any more", channel.connection.peer, whose)


def _run_deferred(channels: Sequence[Channel]) -> None:
    for channel in channels:
        channel.run_deferred()


def _announce(server: Server) -> None:
    url = server.url
    is_open = server.profile.keys is None and not url.startswith("limpet+unix")
    to_whom = ", to every user of this machine" if is_open else ""
    # There may be nobody to tell: a daemon has no standard error, or one that is closed.
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"limpet: serving at {url}{to_whom}; Ctrl-C stops it\n")
        sys.stderr.flush()
