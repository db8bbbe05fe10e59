"""Faces with the truth known, what painters make of them, and what that measures."""
