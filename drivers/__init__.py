"""The hypervisor port and its adapters. They know hypervisors, and nothing of the log."""
