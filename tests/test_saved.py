"""Saved models: those of earlier versions, and files that hold what no model should."""

import base64
import json
import marshal
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import ffhelpers as ff

SAVED = sorted(Path(__file__).parent.glob("data/saved-*/*.keras"))


@pytest.mark.parametrize("path", SAVED, ids=lambda path: f"{path.parent.name} {path.stem}")
def test_a_model_of_an_earlier_version_predicts_what_it_did(path):
    x = np.random.default_rng(0).random((12, 6, 6)).astype("float32")
    expected = json.loads((path.parent / "predictions.json").read_text())[path.stem]
    model = keras.saving.load_model(path)
    np.testing.assert_allclose(model.predict(x[:4]), expected, rtol=1e-4, atol=1e-6)
    model.fit(x, np.arange(12) % 2, batch_size=4)
    assert path.stat().st_size < 32_000  # it is never compressed away once it is committed


def test_there_is_a_model_for_every_format():
    formats = {path.parent.name.removeprefix("saved-") for path in SAVED}
    assert formats == set(ff.saved.FORMATS), "see CONTRIBUTING.md, When a saved model changes"
    assert {"dense", "conv", "local", "recurrent"} <= {path.stem for path in SAVED}


def changed(tmp_path, change, name="dense"):
    """One of the stored models with another configuration."""
    path = tmp_path / "changed.keras"
    with zipfile.ZipFile(SAVED[0].with_stem(name)) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.namelist():
            content = old.read(member)
            if member == "config.json":
                config = json.loads(content)
                change(config["config"])
                content = json.dumps(config)
            new.writestr(member, content)
    return path


@pytest.mark.parametrize("name", ["dense", "recurrent"])
def test_a_model_of_a_later_version_is_refused_with_its_version(tmp_path, name):
    def later(config):
        config |= {"format": "7.3", "blocks": [{"class_name": "Unheard"}]}

    with pytest.raises(ValueError, match="of ffhelpers 7.3: expected 0.1, load it with"):
        keras.saving.load_model(changed(tmp_path, later, name))
    assert keras.saving.load_model(changed(tmp_path, lambda config: None, name)).built


def code(tmp_path):
    """A Lambda as Keras stores it: it makes a file when it is called."""
    made = compile(f"lambda h: open({str(tmp_path / 'pwned')!r}, 'w')", "", "eval").co_consts[0]
    return {"code": base64.b64encode(marshal.dumps(made)).decode(), "defaults": None}


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def harmful(tmp_path):
    """Name → what it puts into a configuration."""
    coded = {"class_name": "__lambda__", "config": {**code(tmp_path), "closure": None}}
    kinds = {
        "a Lambda with code": coded,
        "a Lambda with a function of Keras that writes": function("keras.utils", "get_file"),
        "a Lambda with a module of Keras's": function("keras.src.utils.file_utils", "os"),
    }
    for name, given in kinds.items():
        part = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
        part["config"] = {"name": "harmless", "function": given, "arguments": {}}
        yield name, lambda config, part=part: config["blocks"].insert(1, part)
    for module, name in [("os", "system"), ("builtins", "eval"), ("subprocess", "run")]:
        given = function(module, name)

        def activation(config, given=given):
            config["blocks"][1]["config"]["activation"] = given

        yield f"an activation that is {module}.{name}", activation
    system = function("os", "system")
    yield (
        "a goodness that is os.system",
        lambda config: config["blocks"][1]["config"].update(goodness=system),
    )
    popen = {"module": "subprocess", "class_name": "Popen"}
    popen |= {"config": {"args": ["true"]}, "registered_name": None}
    yield "a module's class as a block", lambda config: config["blocks"].insert(1, popen)
    pickled = {"module": "keras.layers", "class_name": "TorchModuleWrapper"}
    pickled |= {"config": {"name": "harmless", "module": "gASVAAAA"}, "registered_name": None}
    yield "a pickle as a block", lambda config: config["blocks"].insert(1, pickled)


HARMFUL = [name for name, _ in harmful(Path())]


@pytest.mark.parametrize("kind", HARMFUL)
def test_a_model_that_holds_code_is_refused_and_nothing_of_it_runs(tmp_path, kind):
    path = changed(tmp_path, dict(harmful(tmp_path))[kind])
    with pytest.raises(
        ValueError, match="^[^\n]*cannot be loaded [^\n]*: expected blocks [^\n]*$"
    ):
        keras.saving.load_model(path)
    assert {p.name for p in tmp_path.iterdir()} == {"changed.keras"}
