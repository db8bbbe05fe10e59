"""Detectors that run a model of the library transformers."""
