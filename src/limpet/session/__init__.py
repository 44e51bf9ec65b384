"""The state of a session, without I/O: messages, tables, credit, order."""
