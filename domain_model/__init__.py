"""What a domain, a snapshot tree and a host are, and which commands they accept. Pure: no I/O, no clock, no dice."""
