"""What runs notebooks and reads what they recorded. It knows notebooks, not the algorithm.

`ask` takes parameters from people, `run` executes a notebook, `processes` several at once,
`sweeps` one under many parameters; `figures` and `records` keep and read what came out, `tables`
compare it, and `report` makes the pages' tables of it. `badges` and `kaggle` take the notebooks
to other places. Nothing of the algorithm imports any of it but `ablations`, which compares recorded
runs.
"""
