"""The faults of act three. A new one: a function with `@fault(NAME)` in a file here, and the file's
name in act_faults.py."""
