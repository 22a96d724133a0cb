"""`untuned list`."""

import click


@click.command(name="list")
def command() -> None:
    """Show the shipped studies, and what a study can be made of."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from studies.study import find, shipped
    from studies.trial import FIELDS
    from trainers import registry

    console = Console()
    table = Table("study", "trials", "what it shows", box=box.SIMPLE_HEAD)
    table.columns[1].justify = "right"
    for name in shipped():
        study = find(name)
        table.add_row(name, str(len(study.trials())), study.description)
    console.print(table)
    available = Table("field", "what it can be", box=box.SIMPLE_HEAD)
    for kind in registry.KINDS:
        names = ", ".join(name for part in registry.components(kind) for name in part.examples)
        notes = [
            part.declared["NOTE"] for part in registry.components(kind) if "NOTE" in part.declared
        ]
        available.add_row(kind, "; ".join([names, *notes]))
    for name, about in FIELDS.items():
        if about.metadata["choices"]:
            available.add_row(name, ", ".join(about.metadata["choices"]))
    console.print(available)
