"""The plumbing: sockets, threads, event loops. No behaviour of limpet's is decided here."""
