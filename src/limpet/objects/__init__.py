"""Python objects on a session: what they show, what is done with them, proxies of the peer's."""
