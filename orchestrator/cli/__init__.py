"""The command line, one file per command; heavy imports happen inside the commands."""

import sys
import tempfile
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import click

from studies.errors import UserError, unknown

#: What the extra `run` installs; the base install reads results without it.
_EXTRA = ("torch", "torchvision", "ray", "sklearn")


class _Commands(click.Group):
    """The commands are the files of this folder, each with a click command named `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the files."""
        return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command's file."""
        if name not in self.list_commands(ctx):
            if ctx.resilient_parsing:  # a shell asks what could come
                return None
            raise unknown("command", name, self.list_commands(ctx))
        command: click.Command = import_module(f"orchestrator.cli.{name}").command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="untuned", prog_name="untuned")
def cli() -> None:
    """Train the connections of randomly weighted networks and settle what that can do.

    Start with `untuned run digits` and `untuned report digits`.

    Completion in the shell: eval "$(_UNTUNED_COMPLETE=bash_source untuned)", or zsh_source; in
    fish, _UNTUNED_COMPLETE=fish_source untuned | source.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 done, 1 something failed, 2 a mistake of the user's, 130 and 143 interrupted.
    """
    try:
        code = cli.main(arguments, prog_name="untuned", standalone_mode=False)
    except UserError as error:
        code = _say(str(error), 2)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = 2
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context else ""
        code = _say(" ".join(error.format_message().split()) + hint, 2)
    except (KeyboardInterrupt, click.Abort):
        code = _say("stopped before anything was started; the same command starts it", 130)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name in _EXTRA:
            code = _say(f"training needs {error.name}: pip install 'untuned[run]' brings it", 2)
        else:
            code = _say(f"{type(error).__name__}: {error}; the traceback is in {_crash_log()}", 1)
    sys.exit(code or 0)


def _say(message: str, code: int) -> int:
    print(f"untuned: {message}", file=sys.stderr)
    return code


def _crash_log() -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = Path(tempfile.mkdtemp(prefix=f"untuned-crash-{stamp}-")) / "traceback.log"
    path.write_text(traceback.format_exc(), encoding="utf-8")
    return path
