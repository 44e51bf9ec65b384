"""The driver for threads: blocking calls on the client, workers and one watcher on the server."""
