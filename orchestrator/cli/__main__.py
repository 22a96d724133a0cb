"""The command line as `python -m orchestrator.cli`, for where no script is installed."""

from orchestrator.cli import main

if __name__ == "__main__":
    main()
