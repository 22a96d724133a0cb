"""Studies as jobs of a Ray cluster that this machine need not belong to, through Ray Jobs."""
