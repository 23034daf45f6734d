"""The Python side of a session: one room per file, `kernel.serve` is the door."""
