"""The loops that act: each a pure decision and a thin loop around it."""
