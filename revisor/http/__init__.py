"""The HTTP door: Revisor's API on a unix socket."""
