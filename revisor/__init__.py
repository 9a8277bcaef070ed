"""Revisor: an event-sourced control plane for virtual machines.

Importing this package changes nothing: a program of somebody else's that imports ``revisor.client`` keeps its own
``workers`` and ``migrations``. The entry points alone open the house (``revisor._house``).
"""
