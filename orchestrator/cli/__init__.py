"""The command line: one file per command, with slow imports inside the commands."""

import os
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from importlib import import_module
from keyword import iskeyword
from pathlib import Path

import click

from orchestrator.cli import _output
from studies.errors import NO_TEMPORARY_FOLDER, UserError, shortened, unknown

#: Packages of the extra `run`; the base install reads results without them.
_EXTRA = ("torch", "torchvision", "ray", "sklearn")


class _Commands(click.Group):
    """A group whose commands are this folder's files; each defines a click command `command`.

    The file of a command whose name is a keyword of Python ends with an underscore.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the files."""
        files = Path(__file__).parent.glob("[!_]*.py")
        return sorted(path.stem.removesuffix("_") for path in files)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command's file."""
        if name not in self.list_commands(ctx):
            if ctx.resilient_parsing:  # a shell asks for completions
                return None
            raise unknown("command", name, self.list_commands(ctx))
        module = f"{name}_" if iskeyword(name) else name
        command: click.Command = import_module(f"orchestrator.cli.{module}").command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="untuned", prog_name="untuned")
def cli() -> None:
    """Train which connections of a network with fixed random weights are used.

    Studies compare methods over many trials and test claims with statistics. Start with
    `untuned run digits`, then `untuned report digits`.

    Completion in bash: eval "$(_UNTUNED_COMPLETE=bash_source untuned)"; in zsh the same with
    zsh_source; in fish: _UNTUNED_COMPLETE=fish_source untuned | source.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 done, 1 something failed, 2 a mistake in the command, 124 the time of --hours is
    over, 130 and 143 interrupted.
    """
    run_command(cli, arguments, prog_name="untuned")


def run_command(
    command: click.Command, arguments: list[str] | None = None, prog_name: str | None = None
) -> None:
    """Run a command and exit; errors are printed in a line.

    Args:
        command: the command.
        arguments: its arguments; those of this process if not given.
        prog_name: how it is called in its help.
    """
    _output.prepare()
    try:
        Path.cwd()
    except OSError as error:
        reason = error.strerror
        sys.exit(_print_error(f"the working folder: {reason}; change to another folder", 2))
    unwritten = ""
    try:
        code = command.main(arguments, prog_name=prog_name, standalone_mode=False)
    except UserError as error:
        code = _print_error(str(error), 2)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = 2
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context else ""
        code = _print_error(" ".join(error.format_message().split()) + hint, 2)
    except (KeyboardInterrupt, click.Abort):
        code = _print_error("interrupted before anything started; run the same command again", 130)
    except Exception as error:
        if isinstance(error, OSError) and _output.met(error):
            unwritten = error.strerror or str(error)
        elif isinstance(error, FileNotFoundError) and "temporary directory" in str(error):
            code = _print_error(NO_TEMPORARY_FOLDER, 2)
        elif isinstance(error, ModuleNotFoundError) and error.name in _EXTRA:
            code = _print_error(
                f"training needs {error.name}; install it with: pip install 'untuned[run]'", 2
            )
        else:
            message = shortened(f"{type(error).__name__}: {error}")
            code = _print_error(f"{message}; {_crash_log()}", 1)
    if unwritten := _output.end() or unwritten:
        code = _print_error(f"output: cannot be written ({unwritten})", 2)
    if not any(name.endswith("_COMPLETE") for name in os.environ if name.startswith("_UNTUNED")):
        components = sys.modules.get("studies.components")  # if the command has come across any
        for line in components.left_out() if components else ():
            print(f"untuned: left out: {line}", file=sys.stderr)
    sys.exit(code or 0)


def _print_error(message: str, code: int) -> int:
    """Print an error and return the exit code."""
    print(f"untuned: {message}", file=sys.stderr)
    return code


def _crash_log() -> str:
    """Write the traceback of the current exception to a new file, and return where it is."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    try:
        path = Path(tempfile.mkdtemp(prefix=f"untuned-crash-{stamp}-")) / "traceback.log"
        path.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError as error:
        return f"the traceback cannot be written ({error.strerror})"
    return f"the traceback is in {path}"
