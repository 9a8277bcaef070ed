"""Our code with real databases, sockets and processes."""
