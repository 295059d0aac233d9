"""A working day of a company in the logs, ordinary and attacked."""
