"""Questions beside the claims that a sceptical reader asks: one file each.

A file has the question's estimate, its figure (see `analysis.figures`), and one function
``find(results: Results) -> Finding | None``, which states the answer in sentences and a table, and
returns None if the study has no such trials. Sentences state the numbers, whichever method they
favour. A leading underscore marks what the questions share.
"""
