"""`untuned list`."""

import click


@click.command(name="list")
def command() -> None:
    """Show the shipped studies, and what a study can be made of."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from studies.study import find, shipped
    from trainers import parts

    console = Console()
    table = Table("study", "trials", "what it shows", box=box.SIMPLE_HEAD)
    table.columns[1].justify = "right"
    for name in shipped():
        study = find(name)
        table.add_row(name, str(len(study.trials())), study.description)
    console.print(table)
    available = Table("field", "what it can be", box=box.SIMPLE_HEAD)
    for kind in parts.KINDS:
        available.add_row(kind, ", ".join(e for part in parts.parts(kind) for e in part.examples))
    console.print(available)
