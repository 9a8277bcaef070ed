"""Revisor held up against libvirt itself:
the same calls, in the same order, at two hosts that know nothing of one another.

One host is led by a Revisor, the other is spoken to by libvirt-python in a process of its own. Hypothesis draws what is
asked next from what both showed last. After every call the two must show the same and have answered with the same
number; a difference that is meant stands in ``tolerated.py`` with the row of libvirt-semantics that says so.
"""
