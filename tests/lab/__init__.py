"""Real hypervisors for the tests, the demo and the benchmarks.

libvirt hosts in namespaces of their own, and a guest whose memory can be seen from outside. See README.md in this
folder.
"""
