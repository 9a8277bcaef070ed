"""The command line: virsh's verbs, and Revisor's own."""
