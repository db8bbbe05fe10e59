"""Files: where models come from, and what may be read of them."""
