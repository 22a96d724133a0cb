"""Activations of the hidden layers: one file each, with a function `activation(x)`.

A file whose derivative follows from its output may also have two functions that work in place, so
that fully connected networks take the faster engine:

    activate_(x)                    the activation
    backward_(gradient, output)     dL/doutput to dL/dx

``RISING = True`` says that it never falls, and is flat only where its gradient is zero, so that it
gives the same after max-pooling as before it.
"""
