"""Activations of the hidden layers: one file each, with a function `activation(x)`."""
