"""What the lessons say in words, held to what it is taken from: runs, outputs, others' figures."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

import ffhelpers as ff
from ffhelpers.running import records, report, tables

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def cells(number):
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def said(number, name):
    return " ".join(cells(number)[name].source.split())


def printed(number, name):
    return "".join(output.get("text", "") for output in cells(number)[name].outputs)


# --- 00: the whole algorithm -----------------------------------------------------------------


def algorithm():
    """Its cells of code, from the heading that announces them to the next one."""
    source = [(cell.cell_type, cell.source) for cell in cells("00").values()]
    (first,) = [i for i, (_, text) in enumerate(source) if text.startswith("## The whole alg")]
    (last,) = [i for i, (_, text) in enumerate(source) if text.startswith("## It learns")]
    return [text for kind, text in source[first:last] if kind == "code"]


def test_the_whole_algorithm_is_seven_cells_of_some_forty_lines():
    lines = [line for text in algorithm() for line in text.splitlines() if line.strip()]
    assert len(algorithm()) == 7 and "The next seven cells of code" in said("00", "00-14")
    assert 40 <= len(lines) <= 49 and "forty lines" in said("00", "00-47")


@pytest.mark.parametrize("bright", [False, True])
@pytest.mark.parametrize("widths", [[200], [100, 100], [50]])
def test_it_is_plain_numpy_and_learns(mnist, widths, bright):
    """…with nothing at hand but NumPy, the images and the parameters; of any size, on any paper."""

    def seen(x):
        return 1 - x if bright else x

    known = {"np": np, "data": mnist, "seed": 1, "batch_size": 50, "widths": widths}
    known |= {"learning_rate": 3.0, "theta": 1.0, "scale": 10.0}
    exec("\n".join(algorithm()), known)
    known["images"], known["labels"] = seen(mnist.x_train[:10_000]), mnist.y_train[:10_000]
    network = known["new_network"]()
    known["train"](network)
    goodness = known["goodness_of_labels"](seen(mnist.x_val[:1000]), network)
    assert known["error"](goodness, mnist.y_val[:1000]) < 0.5  # a guess has 0.9


# --- Figures in sentences --------------------------------------------------------------------


def test_the_third_layer_on_lengths_errs_as_printed():
    found = re.findall(r"on lengths +layer (\d): error ([\d.]+)%", printed("02", "709e0467"))
    layers = dict(found)
    assert f"({layers['3']} % against {layers['1']} %)" in said("02", "98b5234a")


def test_the_order_of_the_losses_is_as_printed():
    found = re.findall(r"^(\S.*?) +validation error ([\d.]+)%", printed("02", "02-37"), re.M)
    errors = {name: float(error) for name, error in found}
    *thresholds, pairwise = errors.values()
    assert pairwise < min(thresholds) and max(thresholds) - min(thresholds) < 2
    assert "The three threshold losses lie within two points." in said("02", "c67f2482")
    names = ["… θ = 2 and scale 1", "threshold and uniform negatives"]
    short, long = (
        tables.table(f"05_ablations/{name}", ["recipe"], "errors").set_index("recipe")["mean"]
        for name in ("ablations", "equal_seconds")
    )
    assert short[names[0]] < short[names[1]] and long[names[0]] > long[names[1]]


def test_what_changes_cost_in_short_and_long_training():
    short, long = (
        tables.table(f"05_ablations/{name}", ["recipe"], "errors", "ours").set_index("recipe")
        for name in ("ablations", "equal_seconds")
    )
    dear = ["threshold", "batches of 1000", "goodness is the mean activity", "uniform negatives"]
    assert (long.difference[dear] < short.difference[dear] / 2).all()
    assert "each costs less than half of that" in said("05", "05-55")
    assert long.difference_high["hidden not normalised"] < 0 < long.difference_low["greedy"]
    assert long.difference.abs()[["hidden not normalised", "greedy"]].max() < 0.001
    assert "both by a tenth of a point or less" in said("05", "b158c0c8")
    (published,) = [r for r in records.read("bench") if r["measurement"] == "published"][-1:]
    loop = published["rows"][0]
    assert round(loop["seconds"] / 60) == 2
    words = f"given two minutes, it errs on {100 * (1 - loop['test_accuracy']):.1f} %"
    assert words in said("05", "de850893")


def test_what_shuffled_labels_and_a_goodness_of_another_size_cost():
    rows = tables.table("05_ablations/ablations", ["recipe"], "errors", "ours")
    rows = rows.set_index("recipe")
    points = 100 * rows.difference
    once = tables.table("05_ablations/ablations", ["recipe"], "errors", "fixed negatives")
    (shuffled,) = once[once.recipe == "shuffled labels"].itertuples()
    assert shuffled.difference_low < 0 < shuffled.difference_high
    assert f"errs {100 * shuffled.difference:.2f} points more than" in said("01", "fecc8364")
    words = f"the sum of squares costs {points['goodness is the sum of squares']:.0f} points"
    assert words in said("05", "8cdb903e")
    match = rows.loc["a sum with θ and scale to match"]
    assert match.difference_low < 0 < match.difference_high


def test_adam_with_hybrids_loses_three_points_by_phases_of_16():
    mean = 100 * ff.results("11_sleep/hybrids", ["errors"]).groupby("recipe").errors.mean()
    lost = mean["Adam 0.9, rate 0.001, phase 16"] - mean["Adam 0.9, rate 0.001, phase together"]
    assert round(lost) == 3 and "loses three points by 16" in said("11", "f541a464")


def test_without_the_mean_away_convolutions_learn_slowly():
    runs = tables.results("06_convolutions/normalization")
    means = runs.groupby("normalization").validation_error.mean()
    assert means["rms"] > 3 * max(means["batch"], means["layer"])
    assert "stays far behind" in said("06", "e08847a1")


def test_what_three_seeds_tell_of_the_negatives():
    table = tables.table("08_unsupervised/pairs", ["changed"], "validation_error", "usual")
    table = table.set_index("changed")
    long = {name: tables.results(f"08_unsupervised/{name}") for name in ("dense", "frozen")}
    away = long["frozen"].test_error.to_numpy() - long["dense"].test_error.to_numpy()
    mean, low, high = ff.evaluation.mean_interval(100 * away)
    assert f"{mean:.1f}" == "0.2" and low < 0 < high
    assert "err 0.2 points more on average; three seeds do not show" in said("08", "d71a19a6")
    names = ("pairs frozen", "pairs sums", "peers 0.0", "peers 0.6")
    for name in (*names, "peers 0.6, peers_as_hinton True"):
        assert table.difference_low[name] < 0 < table.difference_high[name], name
    assert table["mean"].idxmax() == "first_layer_votes False"
    assert "Leaving out the first block costs most" in said("08", "04e0666b")


def test_finer_masks_do_better_after_five_epochs_too():
    table = tables.table("08_unsupervised/coarseness", ["blurs"], "validation_error", 0)
    table = table.sort_values("blurs").set_index("blurs")
    assert list(table.index) == [0, 2, 6, 20] and table["mean"].is_monotonic_increasing
    assert (table.difference_low > 0).tolist() == [False, False, False, True]
    assert "the finer the mask, the fewer the errors, on average" in said("08", "e36ee8ee")


def test_a_short_memory_can_be_worse_than_none():
    errors = ff.results("11_sleep/map", ["errors"])
    mean = 100 * errors.groupby("recipe").errors.mean()
    for phase, none in ((16, 26), (32, 34)):
        assert round(mean[f"SGD 0, rate 0.03, phase {phase}"]) == none
        assert mean[f"SGD 0.9, rate 0.03, phase {phase}"] > 80
        assert (
            mean[f"SGD 0.9, rate 0.01, phase {phase}"] < mean[f"SGD 0, rate 0.01, phase {phase}"]
        )
    assert "phases of 16 and 32 end at 26 and 34 % error" in said("11", "1d315b92")


def test_three_seeds_do_not_settle_what_gets_through_long_phases():
    errors = ff.results("11_sleep/map", ["errors"])
    kept = errors[errors.recipe.str.endswith("phase 32")]
    table = ff.table(kept, ["recipe"], "errors", "SGD 0.999, rate 0.03, phase 32")
    table = table.set_index("recipe").sort_values("mean")
    best, *others = table.index[:4]
    assert best == "SGD 0.999, rate 0.03, phase 32" and round(100 * table["mean"][best]) == 18
    assert set(others) == {
        f"{name}, phase 32"
        for name in ("SGD 0.9, rate 0.01", "SGD 0.99, rate 0.01", "Adam 0.9, rate 0.0003")
    }
    for other in others:
        assert round(100 * table["mean"][other]) == 24
        assert table.difference_low[other] < 0 < table.difference_high[other]
    assert "three seeds cannot tell these from 18 %" in said("11", "ba5ada02")


def test_with_hybrids_three_seeds_show_no_use_for_momentum():
    errors = ff.results("11_sleep/hybrids", ["errors"])
    best = "SGD 0.999, rate 0.03, phase 32"
    table = ff.table(errors, ["recipe"], "errors", best).set_index("recipe")
    long = table[table.index.str.endswith("phase 32")]
    assert long["mean"].idxmin() == best
    for other in ("SGD 0, rate 0.03", "SGD 0.9, rate 0.01", "SGD 0.99, rate 0.01"):
        row = long.loc[f"{other}, phase 32"]
        assert row.difference_low < 0 < row.difference_high, other
    assert "so momentum shows no use here" in said("11", "2d6f8cb0")


def test_what_a_state_of_adam_for_each_phase_costs():
    one, two = (ff.results(f"11_sleep/{path}", ["errors"]) for path in ("map", "map_adams"))
    mean = {}
    for kind, runs in (("Adam", one), ("Adams", two)):
        runs = runs[runs.recipe.str.startswith(f"{kind} 0.9, rate 0.001")]
        runs = runs.assign(phase=runs.recipe.str.split().str[-1], kind=kind)
        mean[kind] = runs.set_index(["phase", "seed"]).errors
    away = 100 * (mean["Adams"] - mean["Adam"])
    for phase in ("1", "2", "4", "8"):
        middle, low, _ = ff.evaluation.mean_interval(away[phase])
        assert 3.5 < middle < 6.5 and low > 0
    assert "errs four to six points more in phases of up to 8" in said("11", "1bfc7d6e")
    two, one = (100 * mean[kind]["32"].mean() for kind in ("Adams", "Adam"))
    words = f"at 32 it errs in {two:.0f} %, with one state and that rate in {one:.0f}"
    assert words in said("11", "1bfc7d6e")


def test_what_phases_cost_with_hybrids():
    errors = ff.results("11_sleep/hybrids", ["errors"])
    mean = errors.groupby("recipe").errors.mean()
    assert (
        mean[mean.index.str.startswith("SGD") & mean.index.str.contains("rate 0.01,")].max() < 0.1
    )
    for momentum, falls in ((0.9, 16), (0.99, 32)):
        assert mean[f"SGD {momentum}, rate 0.03, phase {falls}"] > 0.7
    for momentum, costs in ((0, True), (0.999, False)):
        name = f"SGD {momentum}, rate 0.03, phase"
        row = ff.table(errors, ["recipe"], "errors", f"{name} together").set_index("recipe")
        row = row.loc[f"{name} 32"]
        assert (row.difference_low > 0) == costs and row.difference_high < 0.025
    said_of_it = said("11", "2d6f8cb0")
    two = ff.results("11_sleep/hybrids_adams", ["errors"]).groupby("recipe").errors.mean()
    one, two = (
        runs[f"{kind} 0.9, rate 0.001, phase 32"]
        for kind, runs in (("Adam", mean), ("Adams", two))
    )
    assert f"in {100 * one:.0f} % in phases of 32, two Adams in {100 * two:.0f} %" in said_of_it
    assert "loses about a point by 32, and a memory of a thousand nothing" in said_of_it
    for path, bears in (("map", 16), ("hybrids", 16)):
        adam = ff.results(f"11_sleep/{path}", ["errors"]).groupby("recipe").errors.mean()
        assert (
            adam["Adam 0.9, rate 0.001, phase 32"]
            > 2 * adam[f"Adam 0.9, rate 0.001, phase {bears}"]
        )


def test_what_the_cut_from_above_costs():
    lost = {}
    for name in ("full", "still"):
        runs = ff.results(f"09_recurrent/{name}")
        for images in ("", "half_"):
            whole = runs[f"{images or 'whole_'}error"]
            away = 100 * (runs[f"{images}cut_error"] - whole)
            lost[name, images] = ff.evaluation.mean_interval(away)
    assert lost["full", ""][1] > 0 and lost["still", ""][1] > 0
    assert lost["full", "half_"][2] < 0
    assert lost["still", "half_"][1] < 0 < lost["still", "half_"][2]
    misread = ff.results("09_recurrent/full").half_error.mean()
    assert 0.6 < misread < 0.72
    assert "*full* misreads about two thirds, the network above about half" in said(
        "09", "00f00e6e"
    )


def test_single_trials_are_as_many_and_as_good_as_it_says():
    runs = ff.results("09_recurrent/still_tries")
    errors, words = 100 * runs.validation_error, said("09", "09-tries")
    assert len(errors) == 1 + 12 and words.startswith("Twelve changes")
    assert f"go from {errors.min():.2f} to {errors.max():.2f} %" in words
    assert "| usual | 2.00 % |" in report.TABLES["still_tries"]()
    assert "without a change it is 2.00 %" in words


def test_unblurred_masks_at_full_length():
    errors = 100 * ff.results("08_unsupervised/local_tries").set_index("blurs").validation_error
    words = f"without blurs {errors[0]:.2f} %, with two {errors[2]:.2f} %"
    assert words in said("08", "08-differs")


# --- What others report ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "number, name", [("04", "04-33"), ("08", "c50"), ("09", "00f00e6e")], ids=str
)
def test_figures_of_others_in_a_lesson_are_those_of_their_file(number, name):
    rows = re.findall(
        r"^\| (?!network|---|this notebook)(.*) \|$", cells(number)[name].source, re.M
    )
    assert rows
    link = None
    for row in rows:
        link = (re.findall(r"https://[^)\s]+", row) or [link])[0] or next(
            found for other in rows for found in re.findall(r"https://[^)\s]+", other)
        )
        error = float(re.search(r"([\d.]+) %", row)[1])
        reported = [each["error"] for each in report.OTHERS.values() if each["link"] == link]
        assert error in reported, row


def test_figures_of_others_asleep_are_those_of_their_file():
    (others,) = re.findall(r"^others = (\{.*\})$", cells("11")["8970755a"].source, re.M)
    for phase, name in (("together", "sleep_map"), ("32", "sleep_map_32")):
        assert f'"{phase}": {report.OTHERS[name]["error"]:g}' in others
    together, apart = (report.OTHERS[f"sleep_hybrids{end}"]["error"] for end in ("", "_32"))
    words = f"{together} % error together, {apart} % in phases of 32"
    assert words in said("11", "2d6f8cb0")


def test_the_overview_has_intervals_and_the_best_public_figures():
    rows = report.overview().splitlines()[2:]
    assert len(rows) == len(report.BEST)
    for row, name in zip(rows, report.BEST.values()):
        assert re.search(r"\*\*[\d.]+ %\*\* \([\d.]+ to [\d.]+\)", row)
        kind = {"06_convolutions/fashion_mnist": "Fashion-MNIST: convolutions"}.get(name)
        kind = {"06_convolutions/cifar10": "CIFAR-10: convolutions"}.get(name, kind)
        kind = {"06_convolutions/mnist": "convolutions"}.get(name, kind)
        if kind:
            best = min(
                other["error"]
                for other in report.OTHERS.values()
                if other["network"].startswith(kind)
            )
            assert re.search(rf" {best:g} %(\\\*)? \[", row), row


def test_six_curves_at_most_in_a_panel_of_bits():
    source = cells("10")["a8682303"].source
    known = {}
    exec(source[source.index("def highest_first") : source.index("\nepoch, ")], known)
    curves = {f"{i}": [9, i] for i in range(8)}
    assert list(known["highest_first"](curves)) == ["5", "4", "3", "2", "1", "0"]
