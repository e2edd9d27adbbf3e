"""Parameters, figures and runs of notebooks, and the command line over them."""

import ast
import contextlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhelpers import machine
from ffhelpers.parameters import ParameterError
from ffhelpers.running import ask, figures, records, run
from written import QUICKLY, save, until

PARAMETERS = """\
epochs: int = 10  # passes over the training images
learning_rate: float = 1e-3  # Adam's step
widths: list = [500, 500]  # units of each layer
dataset: str = "mnist"  # größe = 1 # a name or a path
shuffle: bool = True
"""
USE = "import ffhelpers as ff; ff.record(test_error=0.0152, epochs=epochs, dataset=dataset)"


@pytest.fixture(autouse=True)
def kernels_find_the_package(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


@pytest.fixture
def notebook(tmp_path):
    return save(tmp_path / "lesson.ipynb", USE, parameters=PARAMETERS)


# Figures


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("test_error", 0.021, "test error 2.1 %"),
        ("test_error", 0.0152, "test error 1.52 %"),
        ("train_accuracy", 1, "train accuracy 100 %"),
        ("held_out_fraction", 1 / 6, "held out fraction 16.67 %"),
        ("layer_error", [0.1, 0.25], "layer error 10 %, 25 %"),
        ("errors", {"one": [0.01, 0.03], "two": [0.02]}, "errors one 1 %, 3 %; two 2 %"),
        ("train_seconds", 31.23, "train seconds 31.2 s"),
        ("goodness", 0.123456, "goodness 0.1235"),
        ("images", 60000, "images 60000"),
        ("reached", True, "reached True"),
    ],
)
def test_figures_read_well(name, value, text, capsys):
    figures.record(**{name: value})  # outside IPython: only printed
    assert capsys.readouterr().out == text + "\n"


def test_figures_come_back_in_order_from_any_run_and_the_last_value_counts(tmp_path):
    import papermill

    source = save(
        tmp_path / "a.ipynb",
        "import numpy as np, ffhelpers as ff; ff.record(z=np.float64(0.25), n=np.int8(3))",
        "ff.record(b=np.bool_(1), a=['x', (1, 2)], z=0.5); 'not a figure'",
    )
    papermill.execute_notebook(source, tmp_path / "plain.ipynb", progress_bar=False)
    found = figures.figures(tmp_path / "plain.ipynb")
    assert json.dumps(found) == '{"z": 0.5, "n": 3, "b": true, "a": ["x", [1, 2]]}'
    output = nbformat.read(tmp_path / "plain.ipynb", as_version=4).cells[0].outputs[0]
    assert output.data["text/plain"] == "z 0.25\nn 3"


# Parameters from outside


def test_the_parameters_cell_is_understood(notebook):
    found = ask.parameters(notebook)
    assert {name: (known.default, known.help) for name, known in found.items()} == {
        "epochs": (10, "passes over the training images"),
        "learning_rate": (0.001, "Adam's step"),
        "widths": ([500, 500], "units of each layer"),
        "dataset": ("mnist", "größe = 1 # a name or a path"),
        "shuffle": (True, ""),
    }


@pytest.mark.parametrize(
    "cell", ["size = (1, 2)", "sizes = {'a': 1}", "looks = None", "looks: tuple = None"]
)
def test_a_default_that_the_command_line_cannot_set_is_refused_by_name(tmp_path, cell):
    with pytest.raises(ValueError, match=r"size|looks.* is none of int, float, str, bool, list"):
        ask.parameters(save(tmp_path / "a.ipynb", parameters=cell))


@pytest.mark.parametrize(
    ("line", "text", "value"),
    [
        ("looks: int | None = None", "8", 8),
        ("looks: int | None = None", "none", None),
        ("looks: 'int' = 3", "8", 8),
        ("rate: None | float = None", "1e-3", 1e-3),
        ("recipes: list[str] | None = None", "ours,greedy", ["ours", "greedy"]),
        ("sizes: list[int] | None = None", "500,010", [500, 10]),
        ("sizes: list[list[int]] | None = None", "[1,2],[3]", [[1, 2], [3]]),
        ("rates: list[float] = []", "0.5, 1e-3", [0.5, 1e-3]),
        ("names: list = ['a']", '["a, b",c]', ["a, b", "c"]),
        ("name: str = 'a'", "none", "none"),
        ("theta: float = 1", "0.5", 0.5),
        ("rates: list[float] = [1, 2]", "0.5,1", [0.5, 1.0]),
        ("sizes: list[list[float]] | None = [[1], [2]]", "[0.5],[1]", [[0.5], [1.0]]),
    ],
)
def test_an_annotation_counts_where_it_says_more_than_the_default(tmp_path, line, text, value):
    path = save(tmp_path / "a.ipynb", parameters=line)
    name = line.split(":")[0]
    assert ask.parse_parameters(path, [f"{name}={text}"]) == {name: value}
    (tmp_path / "a.yaml").write_text(f"{name}: {json.dumps(value)}")
    assert ask.parse_parameters(path, file=tmp_path / "a.yaml") == {name: value}


def test_several_lists_are_not_one(tmp_path):
    path = save(tmp_path / "a.ipynb", parameters="grid: list = [[1, 2]]")
    with pytest.raises(ParameterError, match=r"grid='\[\[1\]\],\[\[2\]\]': expected a list"):
        ask.parse_parameters(path, ["grid=[[1]],[[2]]"])


def test_none_is_not_for_every_parameter(tmp_path):
    path = save(tmp_path / "a.ipynb", parameters="looks: int | None = None\nepochs: int = 2")
    with pytest.raises(ParameterError, match="looks='x': expected a whole number such as 0 or no"):
        ask.parse_parameters(path, ["looks=x"])
    with pytest.raises(ParameterError, match="epochs='none': expected a whole number such as 2$"):
        ask.parse_parameters(path, ["epochs=none"])


@pytest.mark.parametrize("text", ["[[1,2],[3]]", "[1,2],[3]", "[ [1, 2], [3] ]"])
def test_a_list_of_lists_stays_one(tmp_path, text):
    path = save(tmp_path / "a.ipynb", parameters="kernels: list = [[3, 3], [1, 1]]")
    assert ask.parse_parameters(path, [f"kernels={text}"]) == {"kernels": [[1, 2], [3]]}
    assert ask.parse_parameters(path, [f"kernels={ask.as_text([[1, 2]])}"]) == {
        "kernels": [[1, 2]]
    }
    with pytest.raises(ParameterError, match="kernels='1,x': expected a list"):
        ask.parse_parameters(path, ["kernels=1,x"])


def parse(default, text):
    """`text` as the command line takes it for a parameter with that default."""
    known = {"name": ask.Parameter(default, "", default)}
    return ask.typed("a.ipynb", known, "name", text)


@given(st.integers())
def test_whole_numbers_survive_the_command_line(value):
    assert parse(10, str(value)) == value


@given(st.floats(allow_nan=False))
def test_numbers_survive_the_command_line(value):
    assert parse(1.0, repr(value)) == value


@given(st.text())
def test_strings_survive_the_command_line(value):
    assert parse("mnist", value) == value


@given(st.lists(st.integers()), st.booleans())
def test_lists_survive_the_command_line(value, bare):
    text = ",".join(map(str, value)) if bare else str(value)
    assert parse([500], text) == value


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_elements_have_the_type_of_the_default(value):
    assert parse([0.5], str(value)) == value
    assert all(type(element) is float for element in parse([0.5], "1, 2"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs=2", 2),
        ("learning_rate=1e-4", 1e-4),
        ("learning_rate=1", 1.0),
        ("widths=500", [500]),
        ("shuffle=false", False),
    ],
)
def test_settings_take_the_type_of_the_default(notebook, setting, value):
    (parsed,) = ask.parse_parameters(notebook, [setting]).values()
    assert (parsed, type(parsed)) == (value, type(value))


def test_a_notebook_that_checks_its_parameters_has_them_checked_at_once(tmp_path):
    """In another notebook `epochs` may mean another thing."""
    checks = "check_parameters(globals())"
    ours = save(tmp_path / "ours.ipynb", checks, parameters="epochs = 9")
    theirs = save(tmp_path / "theirs.ipynb", "print(epochs)", parameters="epochs = 9")
    with pytest.raises(ParameterError, match="epochs=0: expected a whole number, 1 or more"):
        ask.parse_parameters(ours, ["epochs=0"])
    assert ask.parse_parameters(theirs, ["epochs=0"]) == {"epochs": 0}


def test_parameters_are_checked_with_the_defaults_they_leave(tmp_path, command):
    cell = "widths: list = [500]\nfirst_layer_votes: bool = True"
    code = "import ffhelpers as ff; ff.check_parameters(globals()); open('started', 'w')"
    path = save(tmp_path / "own.ipynb", code, parameters=cell)
    with pytest.raises(ParameterError, match="first_layer_votes=False: expected true with a sing"):
        ask.parse_parameters(path, ["first_layer_votes=false"])
    assert ask.parse_parameters(path, ["first_layer_votes=false", "widths=5,6"])
    settings = ["-p", "first_layer_votes=false,true", "-p", "widths=[500],[5,6]"]
    status, out, err = command("sweep", path, *settings, "--output", "out")
    assert (status, out) == (2, "") and "first_layer_votes=False: expected true" in err
    assert not (tmp_path / "out").exists() and not (tmp_path / "started").exists()


def test_a_file_of_parameters(notebook, tmp_path):
    file = tmp_path / "full.yaml"
    # YAML takes 1e-3 for a string
    file.write_text("epochs: 060\nlearning_rate: 1e-3\nwidths: [1000, 1000]\nshuffle: false\n")
    values = ask.parse_parameters(notebook, ["epochs=2"], file)
    wanted = {"epochs": 2, "learning_rate": 1e-3, "widths": [1000, 1000], "shuffle": False}
    assert values == wanted
    file.write_text("learning_rate: -.INF\nepochs: 1_000")
    assert ask.read_yaml(file) == {"learning_rate": float("-inf"), "epochs": 1000}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "full.yaml is not a YAML file"),
        ("- 1", "full.yaml: expected lines such as"),
        ("", "full.yaml: expected lines such as"),
        ("epoch: 1", "did you mean epochs"),
        ("dataset: 0123", "dataset=123: expected a string such as 'mnist'"),
        ("epochs: 1:30", "epochs='1:30': expected a whole number such as 10"),
        ("learning_rate: 1:30.5", "learning_rate='1:30.5': expected a number such as 0.001"),
        ("epochs: true", "epochs=True: expected a whole number such as 10"),
        ("epochs:", "epochs=None: expected a whole number such as 10"),
        ("learning_rate: [1]", r"learning_rate=\[1\]: expected a number such as 0.001"),
    ],
)
def test_a_bad_file_of_parameters_is_refused_in_one_line(notebook, tmp_path, content, message):
    (tmp_path / "full.yaml").write_text(content)
    with pytest.raises(ValueError, match=message) as refusal:
        ask.parse_parameters(notebook, file=tmp_path / "full.yaml")
    assert "\n" not in str(refusal.value)


# Running


@pytest.mark.slow
def test_a_failed_run_keeps_the_earlier_one_and_a_good_one_clears_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "a person's notebook")  # must not reach the kernel
    code = """\
import os
if epochs in (1, 3):  # the import takes seconds
    import ffhelpers as ff
if epochs == 1: ff.record(epochs=epochs, folder=os.getcwd(), watched=ff.watched())
if epochs == 2: raise KeyError("two\\nlines")
if epochs == 3: raise ff.ParameterError("no 3")
if epochs == 4: os.kill(os.getpid(), 9)
"""
    (tmp_path / "notebooks").mkdir()
    source = save(tmp_path / "notebooks/a.ipynb", code, parameters="epochs: int = 1")
    failed = Path("out/deep/a.failed.ipynb")

    def go(epochs):
        return run.run(source, {"epochs": epochs}, "out/deep")

    complete = go(1)
    assert complete == Path("out/deep/a.ipynb")
    assert figures.figures(complete) == {"epochs": 1, "folder": str(tmp_path), "watched": False}
    before = complete.read_bytes()

    with pytest.raises(run.RunError, match=f"KeyError in cell 3: .*see {failed}"):
        go(2)
    assert "KeyError" in failed.read_text()
    with pytest.raises(run.RunError, match="^no 3$"):
        go(3)
    (error,) = [o for o in nbformat.read(failed, 4).cells[-1].outputs if o.output_type == "error"]
    assert error.traceback == ["no 3"]
    with pytest.raises(run.RunError, match="DeadKernelError"):
        go(4)

    assert complete.read_bytes() == before
    assert nbformat.reads(before, 4).metadata.papermill.duration > 0
    assert sorted(os.listdir("out/deep")) == ["a.failed.ipynb", "a.ipynb"]
    go(5)
    assert os.listdir("out/deep") == ["a.ipynb"]
    assert os.environ["JPY_SESSION_NAME"]


def test_pictures_are_kept_whatever_backend_the_surroundings_name(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    path = save(tmp_path / "a.ipynb", "import matplotlib.pyplot as plt; plt.plot([1, 2]);")
    (cell,) = nbformat.read(run.run(path, {}, tmp_path / "out"), as_version=4).cells
    assert any("image/png" in output.get("data", {}) for output in cell.outputs)
    assert os.environ["MPLBACKEND"] == "Agg"


def test_the_surroundings_change_nothing_that_is_trained_or_shown(tmp_path, monkeypatch):
    for name in run._HIDDEN:
        monkeypatch.setenv(name, "1")
    code = f"import os; print([name for name in {run._HIDDEN} if os.environ.get(name) == '1'])"
    path = save(tmp_path / "a.ipynb", code)
    (cell,) = nbformat.read(run.run(path, {}, tmp_path / "out"), as_version=4).cells
    assert cell.outputs[0].text == "[]\n"
    assert {"KERAS_MAX_EPOCHS", "MPLBACKEND"} <= set(run._HIDDEN) <= set(os.environ)


def test_braces_in_a_path_are_those_of_its_name(tmp_path):
    path = save(tmp_path / "{a}.ipynb", "1 + 1", parameters="n: int = 1")
    assert run.run(path, {"n": 2}, tmp_path / "{n}") == tmp_path / "{n}" / "{a}.ipynb"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["{a}.ipynb", "{n}"]


def test_a_notebook_that_names_no_kernel_runs_with_this_python(tmp_path):
    code = f"{QUICKLY}import ffhelpers as ff; ff.record(python=sys.prefix)"
    path = save(tmp_path / "a.ipynb", code, parameters="n: int = 1", metadata={})
    executed = run.run(path, {"n": 2}, tmp_path / "out")
    assert figures.figures(executed) == {"python": sys.prefix}
    assert records.read(executed)[0]["parameters"] == {"n": 2}


def test_nothing_starts_with_a_wrong_parameter_or_output(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_execute", lambda *_: pytest.fail("a kernel was started"))
    with pytest.raises(ParameterError, match="unknown parameter epoch"):
        run.run(notebook, {"epoch": 1}, tmp_path / "out")
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / notebook.name
    link.symlink_to(notebook)
    for path, folder in ((notebook, "out/.."), (link, "."), (link, "elsewhere")):
        with pytest.raises(ValueError, match="is the notebook's own"):
            run.run(path, {}, tmp_path / folder)


def test_a_run_of_which_nothing_is_left_names_no_older_one(notebook, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no kernel")

    monkeypatch.setattr(run, "_execute", fail)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/lesson.failed.ipynb").write_text("an older one")
    with pytest.raises(run.RunError, match="OSError: no kernel$"):
        run.run(notebook, {}, tmp_path / "out")


def test_a_record_says_what_ran_though_the_notebook_changes_meanwhile(
    notebook, tmp_path, monkeypatch
):
    def edit(source, output, *_):
        shutil.copy(source, output)
        save(source, parameters="epochs: int = 99")

    monkeypatch.setattr(run, "_execute", edit)
    monkeypatch.setattr(records, "commit", lambda path: notebook.read_bytes().count(b"99"))
    (record,) = records.read(run.run(notebook, {"widths": [3]}, tmp_path / "out"))
    assert record["parameters"].pop("widths") == [3] and record["parameters"]["epochs"] == 10
    assert record["parameters"].keys() == {"epochs", "learning_rate", "dataset", "shuffle"}
    assert record["commit"] == 0 and b"99" in notebook.read_bytes()


def test_an_executed_notebook_runs_with_the_parameters_that_are_recorded(notebook, tmp_path):
    executed = run.run(notebook, {"epochs": 2}, tmp_path / "once")
    again = run.run(executed, {}, tmp_path / "again")
    (record,) = records.read(again)
    assert record["parameters"]["epochs"] == record["figures"]["epochs"] == 10
    assert sorted(os.listdir(tmp_path / "again")) == ["lesson.ipynb"]
    assert figures.figures(executed)["epochs"] == 2


def test_what_a_kernel_prints_beside_its_cells_does_no_harm(tmp_path, command):
    save(
        tmp_path / "loud.ipynb",
        r"import atexit, os; atexit.register(os.write, 1, b'1/x\nbye\xe9\n'); os.write(1, b'\xff\n')",
    )
    status, out, err = command("run", "loud.ipynb", "--output", "out")
    assert (status, err) == (0, "") and out.startswith("out/loud.ipynb")


def test_a_failure_is_told_in_its_own_letters(tmp_path, command, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    save(tmp_path / "odd.ipynb", "raise ValueError('größer')")
    status, _, err = command("run", "odd.ipynb", "--output", "out")
    assert status == 1 and "ValueError in cell 1: gr" in err and "codec" not in err


def test_nothing_is_watched_where_the_output_is_closed(monkeypatch):
    for mark in machine.SESSION_MARKS:
        monkeypatch.delenv(mark, raising=False)
    monkeypatch.setattr(sys, "stdout", None)
    assert not machine.watched()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_the_earlier_one(tmp_path, command, how):
    slow = "import time, pathlib; pathlib.Path('started').touch(); time.sleep(60)"
    save(tmp_path / "slow.ipynb", slow)
    (tmp_path / "runs").mkdir()
    earlier = '{"metadata": {"papermill": {}}}'
    (tmp_path / "runs/slow.ipynb").write_text(earlier)
    process = command.start("run", "slow.ipynb")
    until((tmp_path / "started").exists)
    process.send_signal(how)
    _, err = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "Traceback" not in err
    assert [path.name for path in (tmp_path / "runs").glob("[!.]*")] == ["slow.ipynb"]
    assert (tmp_path / "runs/slow.ipynb").read_text() == earlier


# The command line


def test_one_notebook(notebook, command, tmp_path):
    status, out, err = command("run", notebook, "-p", "epochs=2", "-p", "dataset=fashion_mnist")
    text = "runs/lesson.ipynb\n  test error 1.52 %\n  epochs 2\n  dataset fashion_mnist\n"
    assert (status, out, err) == (0, text, "")
    status, out, _ = command("figures", tmp_path / "runs/lesson.ipynb")
    assert status == 0
    assert json.loads(out) == {"test_error": 0.0152, "epochs": 2, "dataset": "fashion_mnist"}


def test_figures_are_printed_in_any_alphabet(tmp_path, command, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    save(tmp_path / "words.ipynb", "import ffhelpers as ff; ff.record(word='größe → 木')")
    status, out, err = command("run", "words.ipynb")
    assert (status, err) == (0, "") and r"word gr\xf6\xdfe \u2192 \u6728" in out


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_a_run_needs_no_place_to_write_to(notebook, tmp_path, closed):
    """…as a service may have none, and a script that wants to be silent."""
    run = f"'{sys.executable}' -m ffhelpers run '{notebook}' --output out {closed}"
    environment = os.environ | {"PYTHONPATH": str(Path(machine.__file__).parents[1])}
    done = subprocess.run(["sh", "-c", run], cwd=tmp_path, env=environment, timeout=120)
    assert done.returncode == 0 and (tmp_path / "out" / notebook.name).exists()


@pytest.mark.slow
def test_one_of_several_notebooks_fails_alone(notebook, command, tmp_path):
    bad = save(tmp_path / "bad.ipynb", "1", "1 / 0")
    status, out, err = command("run", bad, notebook, "--output", "out")
    assert status == 1
    assert err.count("\n") == 1
    assert "ZeroDivisionError in cell 2: division by zero (see out/bad.failed.ipynb)" in err
    heading, *rows = out.split("\n\n")[1].splitlines()
    assert heading.split() == ["notebook", "seconds", "figure"]
    assert re.fullmatch(r"bad\.ipynb +[\d.]+  failed", rows[0])
    assert re.fullmatch(r"lesson\.ipynb +[\d.]+  test error 1\.52 %", rows[1])


def test_notebooks_run_side_by_side_with_a_share_of_the_cores_each(tmp_path, command):
    """Each waits for the other; a bad one leaves them alone."""
    for own, other in ("ab", "ba"):
        code = f"""\
import os, time
open("{own}", "w").close()
while not os.path.exists("{other}"): time.sleep(0.05)
{QUICKLY}
import ffhelpers as ff
ff.record(cores=sorted(os.sched_getaffinity(0)), own="{own}")
"""
        save(tmp_path / f"{own}.ipynb", code)
    save(tmp_path / "bad.ipynb", "1 / 0")
    notebooks = ["bad.ipynb", "a.ipynb", "b.ipynb"]
    status, out, err = command("run", *notebooks, "--jobs", "3", "--record", "kept.jsonl")
    assert status == 1 and err.count("\n") == 1 and "ZeroDivisionError" in err
    rows = out.split("\n\n")[1].splitlines()[1:]
    assert [row.split()[0] for row in rows] == notebooks  # as they were given
    kept = {r["figures"]["own"]: r for r in records.read(tmp_path / "kept.jsonl")}
    have = len(os.sched_getaffinity(0))
    for record in kept.values():
        assert len(record["figures"]["cores"]) <= -(-have // 3)
        assert record["command"].endswith("--jobs 3 --record kept.jsonl")
    assert set(kept) == {"a", "b"}


def test_a_terminal_sees_which_notebooks_run_and_how_far_they_are(tmp_path):
    fcntl, pty, termios = map(pytest.importorskip, ("fcntl", "pty", "termios"))
    save(tmp_path / "one.ipynb", "1", "2", "3")
    save(tmp_path / "two.ipynb", "1", "2")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
    command = [sys.executable, "-m", "ffhelpers", "run", "one.ipynb", "two.ipynb", "--jobs", "2"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=theirs, stdout=subprocess.PIPE) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError), open(ours, "rb", buffering=0) as screen:
            while part := screen.read(1000):
                seen += part
        out = process.stdout.read().decode()
    assert re.search(rb"one\.ipynb: +67%.* 2/3 ", seen) and re.search(
        rb"two\.ipynb: .* 1/2 ", seen
    )
    assert out.count("no figures recorded") == 4 and "%" not in out


def test_nothing_of_the_algorithm_imports_what_runs_notebooks():
    package = Path(figures.__file__).parents[1]
    modules = [path for path in package.rglob("*.py") if path.parent.name != "running"]
    importing = set()
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", []) if alias.name != "*"]
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module or ''}.{name}" for name in names]
            if any("running" in name.split(".") for name in names):
                importing.add(path.name)
    # Ablations train and compare: new runs with recorded ones.
    assert importing == {"__init__.py", "__main__.py", "ablations.py"} and len(modules) > 10


def test_the_command_line_starts_without_tensorflow():
    command = [sys.executable, "-X", "importtime", "-m", "ffhelpers", "--help"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "ffhelpers.machine" in imported
    assert not {"tensorflow", "papermill", "nbformat"} & imported


def test_everybody_elses_programs_get_the_whole_package(tmp_path):
    """…also a module of a package that imports ours, and where standard error is closed."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own/__init__.py").write_text("import ffhelpers as ff")
    (tmp_path / "own/train.py").write_text("from own import ff; print(ff.setup, flush=True)")
    command = f"cd '{tmp_path}' && '{sys.executable}' -m own.train ffhelpers 2>&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert "function setup" in done.stdout


def test_another_backend_of_keras_is_refused_if_it_is_asked_for(tmp_path):
    """…not where Keras's own file of settings names it."""
    command = [sys.executable, "-c", "import ffhelpers, keras; print(keras.config.backend())"]
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    others = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    for asked, said in (
        ({"KERAS_BACKEND": "numpy"}, "ImportError: KERAS_BACKEND=numpy: expected tensorflow\n"),
        ({"KERAS_HOME": str(tmp_path)}, "tensorflow\n"),
    ):
        done = subprocess.run(command, capture_output=True, text=True, env=others | asked)
        assert (done.stdout or done.stderr).endswith(said)


@pytest.mark.parametrize("deaths", [1, 3])
def test_a_kernel_that_dies_before_it_is_there_is_started_again(tmp_path, monkeypatch, deaths):
    """…as where two that start at once picked the same port; but not for ever."""
    import papermill

    save(tmp_path / "own.ipynb", "print(1)")
    execute, died = papermill.execute_notebook, []

    def start(*arguments, **settings):
        if len(died) < deaths:
            died.append(1)
            raise RuntimeError("Kernel died before replying to kernel_info")
        return execute(*arguments, **settings)

    monkeypatch.setattr(papermill, "execute_notebook", start)
    if deaths == 3:
        with pytest.raises(run.RunError, match="Kernel died before replying"):
            run.run(tmp_path / "own.ipynb", {}, tmp_path / "out")
    else:
        assert run.run(tmp_path / "own.ipynb", {}, tmp_path / "out").exists()
    assert len(died) == deaths
