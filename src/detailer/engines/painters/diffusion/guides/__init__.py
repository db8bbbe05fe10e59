"""Guides: what guides a pass besides words, cut and loaded for each region."""
