"""Agents killed at every step of the protocol for every verb, on simulated hosts and a real PostgreSQL."""
