"""A byte stream to frames and back, and the handshake before them."""
