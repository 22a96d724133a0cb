"""What is measured of a trained network: accuracy, histograms, effective size, mask controls."""
