"""The questions people ask, each one read model that can be rebuilt from the events."""
