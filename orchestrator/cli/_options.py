"""The arguments and options that several commands share."""

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from orchestrator.cli import _completion
from studies import seeds
from studies.errors import UserError, shown, unknown
from studies.trial import SETTABLE

if TYPE_CHECKING:
    from studies.trial import Value


#: Whole numbers of more bits are too large for every option.
_BITS = 64


class FiniteRange(click.FloatRange):
    """A range of finite numbers: nan lies in every range of click's."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number; click prints why a value is refused."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class NotEmpty(click.types.StringParamType):
    """A text that is not empty, as one is from a variable of the shell that is not set."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text; click prints why it is refused."""
        text: str = super().convert(value, param, ctx)
        if not text.strip():
            self.fail("an empty text; give a value, or leave the option out.", param, ctx)
        return text


class FolderName(NotEmpty):
    """A folder, which may not exist yet; shells complete it."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Leave the completion to the shell."""
        return [CompletionItem(incomplete, type="dir")]


def names(context: click.Context, parameter: click.Parameter, given: Any) -> list[str]:
    """Return the names in one or several texts, each once; they are separated by commas.

    It is the callback of an option; click prints why a text without a name is refused.
    """
    texts = [given] if isinstance(given, str) else given or ()
    several = {name: None for text in texts for name in map(str.strip, text.split(",")) if name}
    if texts and not several:
        raise click.BadParameter("no name; give names separated by commas.")
    return list(several)


study_argument = click.argument("study", shell_complete=_completion.study)

studies_argument = click.argument(
    "studies", nargs=-1, required=True, metavar="STUDY...", shell_complete=_completion.study
)

results_option = click.option(
    "--results",
    default="results",
    show_default=True,
    metavar="URI",
    help="Folder or URI of all results; each study has its own folder in it.",
)

data_option = click.option(
    "--data",
    multiple=True,
    metavar="[NAME=]DIR",
    help="Folder of all data sets, or of the data set NAME; by default $UNTUNED_DATA or the "
    "user's cache. NAME=folder:PATH or NAME=parquet:PATH gives your own images a name.",
)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to train; auto takes a GPU if there is one.",
)


#: How a condition can begin, for completion in a shell.
_COLUMNS = tuple(f"{name}=" for name in (*SETTABLE, "outcome", "host", "device", "engine"))


def where_option(what: str) -> Callable[["Command"], "Command"]:
    """Return the option --where, which takes conditions on trials, see `_filters`.

    Args:
        what: the help, up to an example of a condition.
    """
    return click.option(
        "--where",
        multiple=True,
        metavar="CONDITION",
        shell_complete=_completion.among(_COLUMNS),
        help=f"{what}; several conditions must all hold.",
    )


def _seeds(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> seeds.Seeds | None:
    """Return the seeds that a text stands for; click prints why one is refused."""
    try:
        return None if value is None else seeds.parsed(value)
    except UserError as error:
        raise click.BadParameter(str(error)) from None


def _fields(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> "dict[str, list[Value]]":
    """Return the values of fields that texts give; click prints why one is refused."""
    if not values:
        return {}
    from studies import variants

    try:
        return variants.parsed(values)
    except UserError as error:
        raise click.BadParameter(str(error)) from None


_EXTENT = (
    click.option(
        "--seeds",
        callback=_seeds,
        metavar="N|FIRST-LAST",
        help="Run N seeds, counted from the study's first one, or a range such as 1001-1015.",
    ),
    click.option("--epochs", type=click.IntRange(0, 1_000_000), help="Epochs of each trial."),
    click.option(
        "--only",
        multiple=True,
        callback=_fields,
        metavar="FIELD=VALUE",
        help="Take only the trials with this value, such as method=dense. Repeat the option for "
        "further values and fields.",
    ),
    click.option(
        "--set",
        "change",
        multiple=True,
        callback=_fields,
        metavar="FIELD=VALUE",
        help="Change a field of these trials, such as batch_size=128. Repeat the option for "
        "further values and fields.",
    ),
)

engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "mm", "onednn"]),
    default="auto",
    show_default=True,
    envvar="UNTUNED_ENGINE",
    show_envvar=True,
    help="What computes fully connected layers on a CPU: PyTorch's own products (mm) or oneDNN's; "
    "auto takes the engine of the study's finished trials, else the faster one.",
)

#: Except for --keep-networks and --hours these are the fields of `messages.RunOptions`.
_RUNNING = (
    click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        help="Number of worker processes; by default one per core.",
    ),
    device_option,
    click.option(
        "--gpus", type=click.IntRange(1, 4096), help="Number of GPUs to use; by default all."
    ),
    click.option(
        "--gpu-fraction",
        type=FiniteRange(0, 1, min_open=True),
        help="Fraction of a GPU per worker, so that several workers share one.",
    ),
    click.option("--tf32", is_flag=True, help="Use TF32 on GPUs; the results record it."),
    engine_option,
    click.option(
        "--checkpoint",
        "checkpoint_seconds",
        type=FiniteRange(0),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="Write a checkpoint after this much training, at the end of an epoch; 0 for never.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 1000),
        default=2,
        show_default=True,
        help="How often a failed trial is tried again.",
    ),
    click.option(
        "--keep-networks", is_flag=True, help="Keep the trained networks for untuned export."
    ),
    click.option("--fail-fast", is_flag=True, help="Stop when the first trial fails."),
    click.option(
        "--logger",
        "loggers",
        multiple=True,
        metavar="NAME",
        shell_complete=_completion.logger,
        help="Show each trial while it trains with tensorboard, mlflow or a logger of another "
        "package; may be given several times. Needs the extra of the logger's name.",
    ),
    click.option(
        "--tensorboard",
        type=FolderName(),
        callback=lambda context, option, value: value and str(Path(value).absolute()),
        metavar="DIR",
        help="Write each trial's curves to DIR while it trains; `tensorboard --logdir DIR` shows "
        "them. Implies --logger tensorboard.",
    ),
    click.option(
        "--hours",
        type=FiniteRange(0, 100_000, min_open=True),
        metavar="H",
        help="End the run cleanly after H hours, such as 0.2, as Ctrl-C does, with exit code 124.",
    ),
    click.option("--join", is_flag=True, help="Join a run of this study that is in progress."),
)

Command = TypeVar("Command", bound=Callable[..., Any])


def extent_options(function: Command) -> Command:
    """Add the options that change the extent of a study."""
    return _with(_EXTENT, function)


def running_options(function: Command) -> Command:
    """Add the options on how a study is run, on this machine or on a cluster."""
    return _with(_RUNNING, function)


def _with(options: Sequence[Callable[[Command], Command]], function: Command) -> Command:
    for option in reversed(options):
        function = option(function)
    return function


def _running() -> list[click.Option]:
    """Return the options of `running_options`."""

    @click.command()
    @running_options
    def options() -> None:
        """Never called; only click's list of its options is used."""

    return [option for option in options.params if isinstance(option, click.Option)]


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of `running_options` that come from Python, within the options' limits.

    Texts and lists of them are returned as they are. Numbers and booleans may be those of numpy.

    Args:
        values: by the options' names; None for a number that is not given.

    Raises:
        UserError: a value is of another type than its option's, or outside its limits.
    """
    return {**values, **{o.name: _checked(o, values[o.name]) for o in _running() if o.name}}


def boolean(name: str, value: object) -> bool:
    """Return a value from Python that must be true or false; it may be numpy's.

    Raises:
        UserError: it is something else.
    """
    if not _is_bool(value):
        raise UserError(f"{name}: {shown(value)} is not True or False")
    return bool(value)


def _is_bool(value: object) -> bool:
    # NumPy's is no bool of Python's, and NumPy is not imported for it.
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")


def _checked(option: click.Option, value: Any) -> Any:
    has_default = isinstance(option.default, int | float | str)
    if value is None and not has_default and not option.is_flag:
        return value
    if isinstance(option.type, click.Choice):
        if value not in option.type.choices:
            raise unknown(option.name or "", str(value), option.type.choices)
        return value
    if option.is_flag:
        return boolean(option.name or "", value)
    if isinstance(option.type, click.IntRange):
        is_right, allowed = isinstance(value, Integral) and not _is_bool(value), "a whole number"
    elif isinstance(option.type, FiniteRange):
        is_right, allowed = isinstance(value, Real) and not _is_bool(value), "a number"
    else:
        return value
    if not is_right:
        raise UserError(f"{option.name}: {shown(value)} is not {allowed}")
    if isinstance(value, Integral) and int(value).bit_length() > _BITS:  # click would write it out
        raise UserError(f"{option.name}: {shown(value)} has too many digits")
    try:
        return option.type.convert(value, None, None)
    except click.BadParameter as error:
        raise UserError(f"{option.name}: {error.message.rstrip('.')}") from None
    except OverflowError:  # a fraction beyond the largest float
        raise UserError(f"{option.name}: {shown(value)} has too many digits") from None


def as_arguments(values: Mapping[str, Any]) -> list[str]:
    """Return the values of `running_options` that differ from their defaults, as arguments."""
    arguments = []
    for option in _running():
        value = values.get(option.name or "")
        if value is None or value is False or value in (option.default, ()):
            continue
        if isinstance(value, tuple):
            arguments += [word for one in value for word in (option.opts[0], one)]
            continue
        arguments += [option.opts[0]] if value is True else [option.opts[0], str(value)]
    return arguments
