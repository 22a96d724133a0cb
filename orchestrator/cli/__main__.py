"""Runs the command line as `python -m orchestrator.cli`, for use without an installed script."""

from orchestrator.cli import main

if __name__ == "__main__":
    main()
