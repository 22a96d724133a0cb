"""Engines: ways to take a training step, one file each; `leaf` is the readable reference."""
