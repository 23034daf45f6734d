"""The Python side of an actwright session."""
