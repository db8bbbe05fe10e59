"""Foresight: what suits a model and what a plan will cost, before weights are loaded."""
