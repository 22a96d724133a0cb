"""Activations of the hidden layers: one file each, with a function `activation(x)`.

If the derivative follows from the output, a file may also have two functions that work in place.
Fully connected networks then use the faster engine:

    activate_(x)                    the activation
    backward_(gradient, output)     dL/doutput to dL/dx

``RISING = True`` declares that the activation never falls, and that it is flat only where its
gradient is zero. Its result after max-pooling is then the same as before it.
"""
