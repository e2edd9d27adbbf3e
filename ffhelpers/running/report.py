"""The tables of the README and of results.md, from what is recorded in `results`.

Each stands on its page between two comments, `<!-- table: costs -->` and `<!-- end -->`, and is made
by what `TABLES` has under that name. What stands around them is written by hand. `make results` puts
them all in.
"""

import re
from functools import partial

import numpy as np
import yaml

from ..evaluation import mean_interval
from ..files import whole
from . import records, tables
from .figures import away

PAGES = tuple(records.PROJECT / name for name in ("README.md", "results.md"))
PARAMS = records.PROJECT / "notebooks" / "params"


def main():
    """Put the tables into the pages, each of which is replaced as a whole or not at all."""
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        try:
            new = filled(old)
        except (ValueError, OSError) as error:  # such as a recipe of which there is one run yet
            raise SystemExit(f"{page.name}: {error}") from None
        if new != old:
            with whole(page) as aside:
                aside.write_text(new, encoding="utf-8")
            print(f"{page.name}: new tables")


def filled(text):
    """The text of a page with its tables as they are now.

    Raises:
        ValueError: a comment that names no table, or one without an end.
    """
    opened = re.findall(r"^<!-- table: (.*) -->$", text, re.M)
    if unknown := set(opened) - TABLES.keys():
        raise ValueError(f"no table {', '.join(unknown)}, only {', '.join(TABLES)}")
    between = re.compile(r"^(<!-- table: (\w+) -->\n)((?!<!-- table).*\n)*?(<!-- end -->)$", re.M)
    new, count = between.subn(lambda m: f"{m[1]}\n{TABLES[m[2]]()}\n\n{m[4]}", text)
    if count < len(opened):
        raise ValueError("a table's comment has no <!-- end --> behind it")
    return new


def _table(header, rows):
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# --- Recipes: a file of parameters, and its runs over the seeds ------------------------------

SETS = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}


def recipes(folder):
    """The names of the recipes in a folder of parameters, MNIST's first, then the shortest.

    A recipe has a value for each parameter; a grid has several for some, or is a list of grids.
    """
    found = []
    for path in (PARAMS / folder).glob("*.yaml"):
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(given, dict):
            name = f"{folder}/{path.stem}"
            other = given.get("dataset", "mnist") != "mnist"
            found.append((other, _mean(kept(name), "train_seconds"), name))
    return [name for _, _, name in sorted(found)]


def kept(name):
    """The runs of a recipe that count for its test error.

    Some kept the validation images apart, on which all was chosen, where the recipe does not.
    """
    given = yaml.safe_load((PARAMS / f"{name}.yaml").read_text(encoding="utf-8"))
    all_images = given.get("all_images", False)
    runs = records.read(name)
    runs = [run for run in runs if run["parameters"].get("all_images", False) == all_images]
    if len(runs) < 2:
        raise ValueError(f"{name} has {len(runs)} runs that count: expected two seeds or more")
    return runs


def _figures(runs, name):
    return [run["figures"][name] for run in runs if name in run["figures"]]


def _mean(runs, name):
    return float(np.mean(_figures(runs, name)))


def _error(runs, name="test_error"):
    mean, low, high = mean_interval(100 * np.array(_figures(runs, name)))
    return f"**{mean:.2f} %** ({low:.2f} to {high:.2f}, {len(runs)} seeds)"


def _time(runs):
    seconds = _mean(runs, "train_seconds")
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def title(name):
    """What a recipe is called: its data set's name where it has that; of a copy, that it is one."""
    stem = name.rpartition("/")[2]
    if {run["parameters"].get("dataset") for run in records.read(name)} == {f"runs/{stem}.npz"}:
        return f"{SETS[stem]} (JPEG copy)"
    return SETS.get(stem, stem)


def described(parameters):
    """A recipe in words."""
    widths, channels = parameters.get("widths"), parameters.get("channels")
    if channels:  # of a class each; all these data sets have ten
        yield f"{len(channels)} blocks of {10 * min(channels)} to {10 * max(channels)} channels"
    else:
        yield f"{len(widths)}×{widths[0]}" if len(set(widths)) == 1 else "-".join(map(str, widths))
    if parameters.get("fields"):
        yield "local receptive fields"
    yield f"{parameters['epochs']} epochs"
    if parameters.get("pairs") == "frozen":
        yield "the same hybrids in each"
    if parameters.get("adversarial"):
        yield "adversarial images"
    if parameters.get("hardest", 1) == 0.5:
        yield "hardest half"
    if shift := parameters.get("shift"):
        yield f"images moved by up to {shift} px"
    if parameters.get("average_copies"):
        copies = (2 * shift + 1) ** 2 * (1 + parameters["flip"])
        yield f"the mean over {copies} copies of an image"


def _recipes(folder, column="validation_error"):
    heading = column.removesuffix("_test_error").replace("one_pass", "in one pass")
    rows = []
    for name in recipes(folder):
        runs = kept(name)
        link = f"[{title(name)}](notebooks/params/{name}.yaml)"
        words = ", ".join(described(runs[0]["parameters"]))
        other = 100 * _mean(records.read(name), column)
        row = [f"{link}: {words}", _error(runs), f"{other:.2f} %", _time(runs), _beside(name)]
        rows.append(row)
    return _table(["recipe", "test error", heading.replace("_", " "), "training", "others"], rows)


CHARACTERS = {
    "n-grams": "ngram_",
    "backprop": "backprop_",
    "swapped": "swapped_",
    "predicted": "",
    "rolled out": "rolled_out_",
    "random weights": "random_",
    "no layer": "no_layer_",
}


def characters():
    """The next character: bits and the share that is right, of two texts.

    The runs record the time of one network only, in a last row.
    """
    texts = [records.read(f"10_sequences/{text}") for text in ("fables", "python")]
    rows = []
    for name, key in CHARACTERS.items():
        cells = []
        for runs in texts:
            mean, low, high = mean_interval(_figures(runs, f"{key}test_bits"))
            between = "" if low == high else f" ({low:.2f} to {high:.2f})"
            cells.append(f"{mean:.2f}{between}")
            mean, low, high = mean_interval(100 * np.array(_figures(runs, f"{key}test_accuracy")))
            between = "" if low == high else f" ({low:.1f} to {high:.1f})"
            cells.append(f"{mean:.1f} %{between}")
        rows.append([name, *cells])
    rows.sort(key=lambda row: float(row[1].split()[0]))
    fables, python = map(_time, texts)
    rows.append(["training of *predicted*", fables, "", python, ""])
    header = ["next character", "fables: bits", "right", "Python's help: bits", "right"]
    return _table(header, rows)


def phases():
    """Both signs in each step, and the longest phases of one sign.

    A run tries all settings, so its time is that of them all.
    """
    rows = []
    for name, words in (("map", ""), ("hybrids", " and a softmax, hybrid images")):
        runs = records.read(f"11_sleep/{name}")
        size = next(described(runs[0]["parameters"]))
        longest = max(runs[0]["parameters"]["phases"])
        link = f"[{name}](notebooks/params/11_sleep/{name}.yaml): {size}{words}"
        for setting, key, time, other in (
            (f"{link}, both signs in each step", "together_", _time(runs), f"sleep_{name}"),
            (
                f"the same, {longest} batches of one sign, then {longest} of the other",
                *("", "", f"sleep_{name}_{longest}"),
            ),
        ):
            validation = f"{100 * _mean(runs, f'{key}validation_error'):.2f} %"
            row = [setting, _error(runs, f"{key}test_error"), validation, time, _figure(other)]
            rows.append(row)
        runs, name = records.read(f"11_sleep/{name}_adams"), f"{name}_adams"
        link = f"[{name}](notebooks/params/11_sleep/{name}.yaml): these phases, two Adams"
        validation = f"{100 * _mean(runs, 'validation_error'):.2f} %"
        rows.append([link, _error(runs), validation, _time(runs), ""])
    header = ["setting", "test error", "validation error", "training, all settings", "others"]
    return _table(header, rows)


# --- Comparisons: one change at a time, or several settings of some parameters ---------------


def _away(row):
    return away("error", row.difference, row.difference_low, row.difference_high)


def _ablations(name):
    """Every recipe of notebook 5, and its difference from ours."""
    runs = tables.results(f"05_ablations/{name}", ["errors", "test_errors"])
    test = runs.groupby("recipe").test_errors.mean()
    found = tables.table(runs, ["recipe"], "errors", "ours").sort_values("mean", kind="stable")
    return _table(
        ["changed", "validation error", "difference", "test error"],
        (
            [row.recipe, f"{100 * row.mean:.2f} %", _away(row), f"{100 * test[row.recipe]:.2f} %"]
            for row in found.itertuples(index=False)
        ),
    )


def _changes(name):
    """A table of runs that each change a parameter or two of a notebook's usual ones."""
    found = tables.table(name, ["changed"], "validation_error", "usual")
    return _table(
        ["changed", "validation error", "difference", "seeds"],
        (
            [row.changed, f"{100 * row.mean:.2f} %", _away(row), str(row.n)]
            for row in found.sort_values("mean", kind="stable").itertuples(index=False)
        ),
    )


def _tries(name):
    """A table of single runs, of a recipe and of one change to it each."""
    runs = sorted(records.read(name), key=lambda run: run["figures"]["validation_error"])
    values = {k: [str(run["parameters"][k]) for run in runs] for k in runs[0]["parameters"]}
    usual = {k: max(of_all, key=of_all.count) for k, of_all in values.items()}
    rows = []
    for run in runs:
        other = [f"{k} {v}" for k, v in run["parameters"].items() if str(v) != usual[k]]
        error = run["figures"]["validation_error"]
        rows.append([", ".join(other) or "usual", f"{100 * error:.2f} %"])
    return _table(["changed", "validation error"], rows)


def _settings(name, by):
    """A table of runs with several values of the parameters `by`."""
    found = tables.table(name, list(by), "validation_error")
    rows = (
        [
            *(str(getattr(row, column)) for column in by),
            f"{100 * row.mean:.2f} % ({100 * row.low:.2f} to {100 * row.high:.2f})",
            str(row.n),
        ]
        for row in found.sort_values("mean", kind="stable").itertuples(index=False)
    )
    return _table([*by.values(), "validation error", "seeds"], rows)


# --- Costs -----------------------------------------------------------------------------------


def measured(measurement, figure, **wanted):
    """Figures of a measurement's last record, from the rows that hold what is wanted."""
    last = [r for r in records.read("bench") if r["measurement"] == measurement][-1]
    return [row[figure] for row in last["rows"] if wanted.items() <= row.items()]


def costs():
    return _table(["measured", "figure"], _costs())


def _costs():
    for widths in ([500] * 2, [1000] * 3, [2000] * 4):
        small, large = measured("step", "ceiling_share", widths=widths)
        yield [
            f"{len(widths)}×{widths[0]}: a step's share of the machine's ceiling, batch 250, 500",
            f"{small:.2f}, {large:.2f}",
        ]
    ours, theirs = measured("against_backprop", "epoch_seconds")
    yield ["2×500: an epoch, Forward-Forward against backprop", f"{ours:.2f} s, {theirs:.2f} s"]
    loop, ours = measured("published", "seconds")
    reached, accuracy = (100 * value for value in measured("published", "test_accuracy"))
    yield [f"the published loop: test accuracy after {loop:.0f} s", f"{reached:.1f} %"]
    yield [f"ours after {ours:.0f} s, the graph's building included", f"{accuracy:.1f} %"]
    yield ["ten candidates, ten edited images, in passes", _listed(prediction(), ".1f")]
    for label, training, network, xla in (
        ("Forward-Forward", "forward-forward", "blocks", False),
        ("Forward-Forward as `fit` compiles it", "forward-forward", "blocks", True),
        ("backprop, the same blocks", "backprop", "blocks", False),
        ("backprop, plain layers", "backprop", "plain", False),
    ):
        wanted = {"training": training, "network": network, "xla": xla}
        yield [f"memory of {label}, depth 2, 8, 32", _megabytes("memory", **wanted)]
    ours, theirs = measured("convolutions", "ms")
    yield [
        "convolutions: a step, Forward-Forward against backprop",
        f"{ours:.0f} ms, {theirs:.0f} ms",
    ]
    shares = measured("convolutions", "ceiling_share")
    yield ["the share of it that their products alone would take", _listed(shares, ".2f")]
    plain, changed = measured("augmentation", "ms")
    more = f"{100 * (changed / plain - 1):.0f} %"
    yield ["moving and flipping each image adds to a step", more]
    _, made = measured("hybrids", "cost")
    more = f"{100 * (made - 1):.0f} %"
    yield ["making hybrids adds to a step of lesson 8, beside given negatives", more]
    for training in ("Forward-Forward", "backprop"):
        peaks = _megabytes("conv_memory", training=training.lower())
        yield [f"convolutions: memory of {training}, depth 2, 8, 32", peaks]
    yield [
        "recurrence: memory of Forward-Forward, 2, 8, 32 iterations learned from",
        _megabytes("recurrent_memory"),
    ]
    growth = measured("growth", "exponent")
    yield ["seconds grow with width, depth, batch, images to the power of", _listed(growth, ".2f")]
    *_, load, over = measured("startup", "seconds")
    yield ["`import ffhelpers` over Keras; `ff.load`", f"{over:.2f} s; {load:.2f} s"]


def prediction():
    """How many passes ten candidates cost, and ten edited images."""
    return measured("prediction", "cost")[1:]


def _listed(values, form):
    return ", ".join(format(value, form) for value in values)


def _megabytes(measurement, **wanted):
    return _listed(measured(measurement, "peak_megabytes", **wanted), ".0f") + " MB"


# --- Beside what others report ---------------------------------------------------------------

OTHERS = yaml.safe_load((records.PROJECT / "results" / "others.yaml").read_text(encoding="utf-8"))
# The paper's figure and the best public ones that we know, for each recipe of ours.
BESIDE = {
    "04_evaluation/paper": ["hinton", "ff_py", "dah33_wide"],
    "04_evaluation/shifts": ["hinton_shifts", "rust"],
    "04_evaluation/fashion_mnist": ["rust_fashion"],
    "06_convolutions/mnist": ["asge", "deeper", "distance"],
    "06_convolutions/fashion_mnist": ["asge_fashion", "deeper_fashion", "distance_fashion"],
    "06_convolutions/cifar10": ["asge_cifar10", "four_blocks", "dtg"],
    "08_unsupervised/dense": ["hinton_hybrids", "tworiver", "scff"],
    "08_unsupervised/frozen": ["tworiver"],
    "08_unsupervised/local": ["hinton_fields", "tworiver_fields"],
    "09_recurrent/still": ["hinton_recurrent", "rewsmith"],
}
BEST = {
    "dense layers": "04_evaluation/paper",
    "dense layers, images moved": "04_evaluation/shifts",
    "convolutions": "06_convolutions/mnist",
    "without labels": "08_unsupervised/dense",
    "without labels, local fields": "08_unsupervised/local",
    "recurrent": "09_recurrent/still",
    "recurrent, images moved": "09_recurrent/full",
    "Fashion-MNIST, convolutions": "06_convolutions/fashion_mnist",
    "CIFAR-10, convolutions": "06_convolutions/cifar10",
}


def _figure(name):
    """A figure of others, with its source and what is to be known of it."""
    other = OTHERS[name]
    note = f" ({other['note']})" if "note" in other else ""
    return f"{other['error']:g} % [{other['source']}]({other['link']}){note}"


def _beside(name):
    return "; ".join(map(_figure, BESIDE.get(name, [])))


def _briefly(name):
    """A figure of others with its source, and a star for what is to be known of it."""
    other = OTHERS[name]
    star = r"\*" * ("note" in other)
    return f"{other['error']:g} %{star} [{other['source'].split('/')[0]}]({other['link']})"


def _source(other):
    stated = f", {other['stated']}" if "stated" in other else ""
    return f"[{other['source']}]({other['link']}){stated}"


def others():
    """What others report, each with its source and what is to be known of it."""
    return _table(
        ["network", "test error", "source"],
        (
            [
                each["network"],
                f"{each['error']:g} %",
                "; ".join(filter(None, [_source(each), each.get("note")])),
            ]
            for each in OTHERS.values()
        ),
    )


def overview():
    """Our best beside theirs, a row for each way of learning."""
    rows = []
    for words, name in BEST.items():
        runs = kept(name)
        on = " on a JPEG copy" if "JPEG" in title(name) else ""
        mean, low, high = mean_interval(100 * np.array(_figures(runs, "test_error")))
        ours = f"**{mean:.2f} %** ({low:.2f} to {high:.2f}){on}, {_time(runs)}"
        rows.append([words, ours, "; ".join(map(_briefly, BESIDE.get(name, [])))])
    return _table(["network", "ours, time of training", "others"], rows)


TABLES = {
    "overview": overview,
    "others": others,
    "dense": partial(_recipes, "04_evaluation", "one_pass_test_error"),
    "convolutions": partial(_recipes, "06_convolutions"),
    "unsupervised": partial(_recipes, "08_unsupervised"),
    "recurrent": partial(_recipes, "09_recurrent"),
    "characters": characters,
    "phases": phases,
    "ablations": partial(_ablations, "ablations"),
    "ablations_at_equal_seconds": partial(_ablations, "equal_seconds"),
    "choices": partial(_changes, "04_evaluation/choices"),
    "normalization": partial(
        _settings,
        "06_convolutions/normalization",
        {"normalization": "normalisation", "squares": "goodness of squares"},
    ),
    "labels": partial(
        _settings,
        "07_local_receptive_fields/labels",
        {"patterns": "pattern", "brightness": "brightness"},
    ),
    "pairs": partial(_changes, "08_unsupervised/pairs"),
    "coarseness": partial(_settings, "08_unsupervised/coarseness", {"blurs": "blurs"}),
    "local_tries": partial(_tries, "08_unsupervised/local_tries"),
    "parts": partial(_changes, "09_recurrent/parts"),
    "still_tries": partial(_tries, "09_recurrent/still_tries"),
    "costs": costs,
}

if __name__ == "__main__":
    main()
