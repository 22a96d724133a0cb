"""`untuned list`."""

import click


@click.command(name="list")
def command() -> None:
    """List the shipped studies, and the names that a study can use."""
    from orchestrator import text_tables
    from studies import tuned
    from studies.study import find, shipped
    from studies.trial import FIELDS
    from trainers import registry

    studies = {name: find(name) for name in shipped()}
    text_tables.show(
        ("study", "trials", "question"),
        [
            (name, str(len(tuned.expected(study).trials())), study.description)
            for name, study in studies.items()
        ],
        right=("trials",),
    )
    available = []
    for kind in registry.KINDS:
        components = registry.components(kind)
        names = ", ".join(name for component in components for name in component.examples)
        notes = [c.declared["NOTE"] for c in components if "NOTE" in c.declared]
        available.append((kind, "; ".join([names, *notes])))
    for name, field in FIELDS.items():
        if field.metadata["choices"]:
            available.append((name, ", ".join(field.metadata["choices"])))
    text_tables.show(("field", "names"), available)
