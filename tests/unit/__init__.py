"""Pure tests of one thing, in this process."""
