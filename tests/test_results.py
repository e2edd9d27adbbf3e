"""The tables of the pages are those of the recorded runs, which are what they say they are."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from ffhelpers import evaluation
from ffhelpers.running import records, report, tables

ROOT = Path(__file__).parent.parent
PARAMS = ROOT / "notebooks" / "params"
RESULTS = (ROOT / "results.md").read_text()
FOLDERS = ("04_evaluation", "06_convolutions", "08_unsupervised", "09_recurrent")


# --- The pages -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", report.PAGES, ids=lambda page: page.name)
def test_the_tables_are_those_of_the_records(page):
    text = page.read_text(encoding="utf-8")
    assert text == report.filled(text), "`make results` puts the tables right"


def test_every_table_stands_on_one_page():
    found = re.findall("<!-- table: (.*) -->", "".join(page.read_text() for page in report.PAGES))
    assert sorted(found) == sorted(report.TABLES)


def test_new_tables_replace_a_page_as_a_whole(tmp_path, monkeypatch, capsys):
    pages = [tmp_path / page.name for page in report.PAGES]
    for page, copy in zip(report.PAGES, pages):
        copy.write_text(re.sub(r"^\|.*\n", "", page.read_text(), flags=re.M))
    monkeypatch.setattr(report, "PAGES", [pages[1]])
    report.main()
    assert pages[1].read_text() == RESULTS and "results.md" in capsys.readouterr().out
    report.main()
    assert capsys.readouterr().out == "" and sorted(tmp_path.iterdir()) == sorted(pages)


def test_a_recipe_without_a_second_seed_is_one_line_and_no_page_changes(tmp_path, monkeypatch):
    copy = tmp_path / "README.md"
    copy.write_text("<!-- table: dense -->\n<!-- end -->\n")
    monkeypatch.setattr(report, "PAGES", [copy])
    kept = records.read
    monkeypatch.setattr(records, "read", lambda name: kept(name)[:1])
    with pytest.raises(SystemExit, match=r"^README.md: 04_.* has [01] runs that count: expected"):
        report.main()
    assert copy.read_text().count("\n") == 2


@pytest.mark.parametrize(
    "text, says",
    [
        ("<!-- table: nothing -->\n<!-- end -->\n", "no table nothing, only overview"),
        ("<!-- table: costs -->\nand so on\n", "no <!-- end --> behind it"),
        ("<!-- table: costs -->\n<!-- table: dense -->\n<!-- end -->\n", "no <!-- end -->"),
    ],
)
def test_comments_that_cannot_be_filled_are_refused(text, says):
    with pytest.raises(ValueError, match=says):
        report.filled(text)


def test_what_others_report_has_its_source():
    for other in report.OTHERS.values():
        assert other.keys() <= {"network", "error", "source", "link", "stated", "note"}
        assert 0 < other["error"] < 100 and other["link"].startswith("https://")
    (row,) = [line for line in report.others().splitlines() if "2606.06539" in line]
    assert "unconfirmed" in row and "60.1 %" in row


def test_a_figure_of_others_that_has_a_caveat_has_a_star_in_the_overview():
    found = report.overview()
    for name in {name for names in report.BESIDE.values() for name in names}:
        other = report.OTHERS[name]
        marked = f"{other['error']:g} %\\* ["
        assert (marked in found) == ("note" in other) or f"({other['link']})" not in found
    assert "8.2 %\\* [Chen 2026]" in found


# --- The runs --------------------------------------------------------------------------------

KEPT = sorted((ROOT / "results").rglob("*.jsonl"))


def test_recorded_runs_have_the_names_of_their_parameters():
    names = {path.relative_to(PARAMS).with_suffix("") for path in PARAMS.rglob("*.yaml")}
    kept = {path.relative_to(ROOT / "results").with_suffix("") for path in KEPT}
    assert {str(name) for name in kept ^ names} == {
        "bench",
        "05_ablations/equal_seconds",  # by a notebook that compared by the clock
    }


@pytest.mark.parametrize("kept", KEPT, ids=lambda p: p.stem)
def test_results_come_from_committed_code_and_name_no_machines_paths(kept):
    for record in records.read(kept):
        assert re.fullmatch("[0-9a-f]{40}", record["commit"])  # with uncommitted changes: -dirty
        assert not re.search(r"(^|[ =])/", record["command"])


@pytest.mark.parametrize("name", [name for folder in FOLDERS for name in report.recipes(folder)])
def test_the_runs_are_of_the_recipe_that_they_are_said_to_be_of(name):
    given = yaml.safe_load((PARAMS / f"{name}.yaml").read_text())
    for run in records.read(name):
        used = run["parameters"]
        # Some kept the validation images apart, on which all was chosen. Data may be a file's.
        free = {n: used[n] for n in ("all_images", "dataset") if n in used and "06_" in name}
        assert (given | free).items() <= used.items(), "recorded with another recipe"
        if name != "09_recurrent/still":  # which was typed, in the folder where it was then
            file = rf"-f notebooks/params/([\w/]+/)?{name.rpartition('/')[2]}.yaml "
            assert re.search(file, run["command"])
            allowed = {"seed", "all_images", "dataset"}
            assert set(re.findall(r"-p (\w+)=", run["command"])) <= allowed
    kept = report.kept(name)
    seeds = {run["parameters"]["seed"] for run in kept}
    assert len(seeds) == len(kept) >= (5 if "04_" in name else 3)


@pytest.mark.parametrize("text", ["fables", "python"])
def test_the_runs_on_characters_are_of_their_text(text):
    given = yaml.safe_load((PARAMS / "10_sequences" / f"{text}.yaml").read_text())
    kept = records.read(f"10_sequences/{text}")
    assert all(given.items() <= run["parameters"].items() for run in kept)
    assert len({run["parameters"]["seed"] for run in kept}) == len(kept) >= 3


def test_only_a_copy_is_called_one():
    """CIFAR-10's images were read from a file of their own, so the table has to say it."""
    for name in report.recipes("06_convolutions"):
        given = yaml.safe_load((PARAMS / f"{name}.yaml").read_text()).get("dataset", "mnist")
        used = {run["parameters"]["dataset"] for run in records.read(name)}
        copied = used == {"runs/cifar10.npz"}
        assert copied or used == {given}
        assert copied == ("(JPEG copy)" in report.title(name))


def test_a_recipe_in_words():
    parameters = {
        "widths": [30, 20],
        "epochs": 3,
        "shift": 1,
        "flip": True,
        "average_copies": True,
    }
    words = ["30-20", "3 epochs", "images moved by up to 1 px"]
    assert list(report.described(parameters)) == [*words, "the mean over 18 copies of an image"]
    parameters = {"channels": [3, 6], "epochs": 2, "adversarial": 0.1, "hardest": 0.5}
    words = ["2 blocks of 30 to 60 channels", "2 epochs", "adversarial images", "hardest half"]
    assert list(report.described(parameters)) == words


# --- What is said of them --------------------------------------------------------------------


def means(runs, name):
    return 100 * np.mean([run["figures"][name] for run in runs])


@pytest.mark.parametrize("name", report.recipes("04_evaluation"))
def test_one_pass_errs_as_little_as_ten_candidates(name):
    kept = report.kept(name)
    assert "within 0.15 points" in RESULTS
    assert abs(means(kept, "one_pass_test_error") - means(kept, "test_error")) <= 0.15


def test_moved_copies_gain_nothing_that_is_seen():
    """Notebook 4 says it."""
    figures = [run["figures"] for run in records.read("04_evaluation/shifts")]
    differences = [100 * (f["copies_test_error"] - f["test_error"]) for f in figures]
    _, low, high = evaluation.mean_interval(differences)
    assert low <= 0 <= high


def test_best_is_not_shown_to_be_better_than_paper():
    best, paper = (report.kept(f"04_evaluation/{name}") for name in ("best", "paper"))
    widths, epochs = (
        [runs[0]["parameters"][name] for runs in (best, paper)] for name in ("widths", "epochs")
    )
    assert sum(widths[0]) == 2 * sum(widths[1]) and epochs[0] > 2 * epochs[1]
    found = [[run["figures"]["test_error"] for run in runs] for runs in (best, paper)]
    away = np.subtract.outer(*found)
    assert away.min() < 0 < away.max()


def test_a_third_dense_layer_has_not_helped():
    assert "a third dense layer showed no gain in short trainings" in " ".join(
        (ROOT / "README.md").read_text().split()
    )
    by_epochs = tables.table("05_ablations/ablations", ["recipe"], "errors", "ours")
    by_seconds = tables.table("05_ablations/equal_seconds", ["recipe"], "errors", "ours")
    choices = tables.table("04_evaluation/choices", ["changed"], "validation_error", "usual")
    deeper = [found[found.recipe == "depth 3"] for found in (by_epochs, by_seconds)]
    deeper.append(choices[choices.changed == "widths [500, 500, 500]"])
    for (row,) in (list(found.itertuples()) for found in deeper):
        assert row.difference > 0 < row.difference_high


def test_times_of_training_say_of_which_processor_they_are():
    others = {
        name.split("/")[1]
        for folder in (ROOT / "results").iterdir()
        if folder.is_dir() and folder.name != "05_ablations"  # it has no recipes
        for name in report.recipes(folder.name)
        if {run["processor"] for run in report.kept(name)} != {"AMD EPYC"}
    }
    runs = records.read("11_sleep/hybrids")
    assert {run["processor"] for run in runs} == {"Intel(R) Xeon(R) Processor"}
    assert others == {"best", "shifts", "hybrids"}
    assert "those of *best*, *shifts* and *hybrids* of an" in (ROOT / "results.md").read_text()
