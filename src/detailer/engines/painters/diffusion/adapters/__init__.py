"""Adapters: LoRAs, and those that make a model one of few steps."""
