"""What is compared is measured in turns, so that the machine's other work disturbs it alike."""

import statistics
import time


def seconds(function, calls=1):
    """The mean seconds of a call."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def in_turns(measures, repeats):
    """What each of `measures`, name → function, returns in each repeat: A B C, A B C, …"""
    rounds = [[measure() for measure in measures.values()] for _ in range(repeats)]
    return {name: list(values) for name, *values in zip(measures, *rounds)}


def ratios(over, under):
    """Repeat by repeat, as only neighbours in time had the same machine."""
    return [a / b for a, b in zip(over, under, strict=True)]


def spread(name, values):
    """The fields of a row: the median under that name, and the least and the most beside it."""
    return {
        name: statistics.median(values),
        f"{name}_low": min(values),
        f"{name}_high": max(values),
    }
