"""Every bound limpet keeps, in one frozen object that is passed down and never global."""

from __future__ import annotations

from dataclasses import dataclass, fields

from limpet.errors import ConfigurationError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one side accepts from the other, and how much it holds for it.

    Bytes are octets, times are seconds. The reference page "limits" repeats each
    number with its reason. A breach ends the session that committed it, alone.

    Raises:
        ConfigurationError: if a value is not positive, or two of them contradict.
    """

    # What one frame, message and value may be.
    frame_bytes: int = 1 << 20
    """A frame. Fragments of this size move bulk fastest, and let control messages pass between."""
    message_bytes: int = 128 << 20
    """A message: all its frames together."""
    nodes: int = 1_000_000
    """Values in one payload, each container and each item counting at least one."""
    depth: int = 64
    """Nesting of values in one payload."""
    integer_bits: int = 8_192
    """An integer's size. Larger ones cost quadratic time to print or parse."""
    colliding_keys: int = 64
    """Keys of one mapping or set that may share a hash before it is taken for an attack."""
    error_bytes: int = 64 << 10
    """An error on the wire: type, arguments, text and stack together."""

    # What a session may hold.
    calls_in_flight: int = 1_024
    """Requests sent and not yet answered."""
    running_calls: int = 32
    """Calls of one session that run at once, never more than half the workers; those inside others do not count."""
    nested_calls: int = 32
    """Calls inside callbacks inside calls, counted along their causes."""
    exports: int = 100_000
    """Objects the peer may hold by reference."""
    promises: int = 4_096
    """Results kept addressable by the peer."""
    types: int = 1_024
    """Descriptors remembered for a session; later ones travel with each reference."""
    descriptor_bytes: int = 64 << 10
    """One descriptor of a type."""
    references: int = 65_535
    """References in one message; the head counts them in 16 bits."""
    pongs: int = 16_384
    """Answers to Pings, waiting for a peer that does not read."""
    outbox_bytes: int = 256 << 20
    """Bytes waiting for a peer that does not read. Holds two messages of the largest size."""

    # How long things may take.
    handshake_seconds: float = 10.0
    """From accept to Ready, absolute."""
    frame_seconds: float = 30.0
    """From the first byte of a frame to its last, absolute."""
    message_seconds: float = 3_600.0
    """From the first frame of a message to its last, absolute."""
    write_seconds: float = 30.0
    """That a peer may refuse to read while something waits for it."""
    idle_seconds: float = 3_600.0 * 24
    """Without a request, before an authenticated session is ended."""
    call_seconds: float = 3_600.0
    """That a served call may run before it is cancelled."""
    answer_seconds: float = 3_600.0
    """That a caller waits for an answer when it named no deadline."""
    connect_seconds: float = 10.0
    """That a client waits for a connection and its handshake."""
    stop_seconds: float = 5.0
    """That a stopping server waits for running calls."""

    # What a server gives in all.
    connections: int = 16_384
    """Accepted connections."""
    connections_per_address: int = 4_096
    """Accepted connections from one address; all Unix peers count as one."""
    handshakes: int = 1_024
    """Connections that have not finished their handshake; one more takes the place of the oldest."""
    workers: int = 64
    """Threads that run user code. One more accepts, watches and never runs any."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigurationError(f"Limits.{field.name} must be positive, not {value!r}")
        if self.frame_bytes < 4_096:
            raise ConfigurationError("Limits.frame_bytes must be at least 4096: handshakes and heads need it")
        if self.message_bytes < self.frame_bytes:
            raise ConfigurationError("Limits.message_bytes must be at least Limits.frame_bytes")
        if self.outbox_bytes < self.message_bytes:
            raise ConfigurationError("Limits.outbox_bytes must hold at least one message of Limits.message_bytes")
        if self.calls_in_flight < 64:
            raise ConfigurationError(
                "Limits.calls_in_flight must be at least 64: every peer may send that many unasked"
            )
        if self.references > 65_535:
            raise ConfigurationError("Limits.references can be at most 65535: a head counts them in 16 bits")
