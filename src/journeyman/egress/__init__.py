"""The one way out of a sandbox: a process of its own that owns sockets inside the sandbox's network namespace."""
