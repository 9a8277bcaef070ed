"""The seeded simulation of the worker protocol:
one thread, a virtual clock, the real protocol, and faults everywhere.
"""
