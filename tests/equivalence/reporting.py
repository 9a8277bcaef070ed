"""What the pairings of this run have to tell, kept until pytest prints its summary."""

REPORTS: list[tuple[str, list[str]]] = []
"""Titles, and the lines below each."""
