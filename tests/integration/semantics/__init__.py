"""libvirt's rules, row by row: each row of the reference list asked of a simulated host and of a real QEMU one."""
