"""`untuned list`."""

import click


@click.command(name="list")
def command() -> None:
    """List the shipped studies, and the names that a study can use."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from studies import tuned
    from studies.study import find, shipped
    from studies.trial import FIELDS
    from trainers import registry

    console = Console()
    table = Table("study", "trials", "question", box=box.SIMPLE_HEAD)
    table.columns[1].justify = "right"
    for name in shipped():
        study = find(name)
        table.add_row(name, str(len(tuned.expected(study).trials())), study.description)
    console.print(table)
    available = Table("field", "names", box=box.SIMPLE_HEAD)
    for kind in registry.KINDS:
        components = registry.components(kind)
        names = ", ".join(name for component in components for name in component.examples)
        notes = [c.declared["NOTE"] for c in components if "NOTE" in c.declared]
        available.add_row(kind, "; ".join([names, *notes]))
    for name, field in FIELDS.items():
        if field.metadata["choices"]:
            available.add_row(name, ", ".join(field.metadata["choices"]))
    console.print(available)
