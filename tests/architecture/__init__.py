"""The laws of the house, and that each is seen to fail when broken."""
