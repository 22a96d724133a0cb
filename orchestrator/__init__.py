"""Where and when trials are trained: plan, Ray Tune workers, progress, and the command line."""
