"""Holds pyproject.toml, pins/, environment.yml and the Makefile against each other."""

import ast
import importlib.metadata
import importlib.util
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it on Python 3.10

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
PYTHONS = [f"3.{n}" for n in range(30) if f"3.{n}" in SpecifierSet(PROJECT["requires-python"])]
MACHINES = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")]
CORE = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(line) for line in lines]
    for name, lines in PROJECT["optional-dependencies"].items()
}
SETUP = [Requirement(line) for line in PYPROJECT["dependency-groups"]["setup"]]
KAGGLE = [Requirement(line) for line in PYPROJECT["dependency-groups"]["kaggle"]]
BUILD = [Requirement(line) for line in PYPROJECT["build-system"]["requires"]]

# What each file of pins is for.
WANTED = {
    "cpu": [*CORE, *EXTRAS["cpu"], *EXTRAS["dask"], *EXTRAS["lab"], *EXTRAS["test"], *BUILD],
    "cuda": [*CORE, *EXTRAS["cuda"], *EXTRAS["dask"], *EXTRAS["lab"], *EXTRAS["test"], *BUILD],
    "web": [*CORE, *EXTRAS["browser"], *EXTRAS["book"]],
    "audit": [*CORE, *EXTRAS["audit"]],
    "uv": SETUP,
}


def read_pins(name):
    """The pins of a file; fails where one has no hash."""
    lines = (ROOT / "pins" / f"{name}.txt").read_text().replace("\\\n", "").splitlines()
    for line in lines:
        if not line.startswith("#"):
            pin, *hashes = line.split(" --hash=")
            assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64} *", h) for h in hashes), line
            yield Requirement(pin)


PINS = {name: list(read_pins(name)) for name in [*WANTED, "kaggle", "lowest"]}


def machine(python, system="linux", processor="x86_64"):
    """The environment that markers are evaluated in."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "platform_machine": processor,
        "os_name": "nt" if system == "win32" else "posix",
    }


def applies(requirement, environment):
    return requirement.marker is None or requirement.marker.evaluate({"extra": "", **environment})


def pins(file, environment):
    """name -> version; fails where two pins of a package apply at once."""
    found = {}
    for pin in PINS[file]:
        if applies(pin, environment):
            assert canonicalize_name(pin.name) not in found, f"{pin.name} is pinned twice"
            assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), f"{pin} is not one version"
            found[canonicalize_name(pin.name)] = str(pin.specifier)[2:]
    return found


def unpinned(requirements, environment, file):
    pinned = pins(file, environment)
    return [
        str(requirement)
        for requirement in requirements
        if applies(requirement, environment)
        and not requirement.specifier.contains(
            pinned.get(canonicalize_name(requirement.name), "0"), prereleases=True
        )
    ]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system, processor", MACHINES)
def test_every_requirement_has_a_fitting_pin(python, system, processor):
    environment = machine(python, system, processor)
    for file, requirements in WANTED.items():
        assert unpinned(requirements, environment, file) == []
    for file in ("cpu", "cuda"):
        tensorflows = {"tensorflow", "tensorflow-cpu"} & pins(file, environment).keys()
        assert len(tensorflows) == 1, "TensorFlow's packages overwrite each other's files"
    on_cpu = pins("cpu", environment)
    for file in ("cuda", "web", "audit"):  # what is installed beside it, or instead
        other = pins(file, environment)
        assert all(other[name] == on_cpu[name] for name in other.keys() & on_cpu.keys())


def test_what_the_requirements_require_is_pinned_too():
    """For the Python that runs this, from what the installed packages say."""
    on_cpu = importlib.util.find_spec("nvidia") is None  # else TensorFlow has another name
    extras = ["cpu" if on_cpu else "cuda", "lab", "test"]
    todo, seen = CORE + [each for extra in extras for each in EXTRAS[extra]], set()
    while todo:
        requirement = todo.pop()
        if not applies(requirement, {}) or str(requirement) in seen:
            continue
        seen.add(str(requirement))
        assert unpinned([requirement], {}, extras[0]) == []
        for extra in requirement.extras | {""}:
            needed = map(Requirement, importlib.metadata.requires(requirement.name) or [])
            for inner in needed:
                if applies(inner, {"extra": extra}):
                    inner.marker = None
                    todo.append(inner)
    assert len(seen) > 100


def test_environment_yml_takes_the_rest_from_the_pins():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python, pip, through_pip = dependencies
    assert python.removeprefix("python=") in PYTHONS
    assert pip == "pip"
    assert through_pip == {"pip": ["-r pins/cpu.txt"]}


def test_every_dependency_has_its_reason():
    pyproject = (ROOT / "pyproject.toml").read_text()
    reasons = re.findall(r'^  "\S+?[>=;].*?",?(.*)$', pyproject, re.MULTILINE)
    assert len(reasons) == len([*CORE, *itertools.chain(*EXTRAS.values()), *SETUP, *KAGGLE])
    reasons += (ROOT / "environment.yml").read_text().splitlines()
    assert [line for line in reasons if not re.search(r"# \w", line)] == []


def test_kaggles_image_is_pinned_to_its_versions():
    """For one machine alone, the one that it is: Linux with Python 3.12."""
    assert unpinned(KAGGLE, machine("3.12"), "kaggle") == []
    assert sum(str(r.specifier).startswith("==") for r in KAGGLE) >= 8


def test_the_oldest_versions_are_those_that_are_allowed():
    """For one machine alone too: Linux with the oldest Python."""
    environment = machine(PYTHONS[0])
    pinned = pins("lowest", environment)
    for requirement in [*CORE, *EXTRAS["cpu"], *EXTRAS["test"]]:
        if applies(requirement, environment):
            (bound,) = requirement.specifier
            oldest = pinned[canonicalize_name(requirement.name)]
            assert bound.operator == ">=", requirement
            assert Version(bound.version) == Version(oldest), requirement


FILES = ["pyproject.toml", "environment.yml", "Makefile", ".ci/run"]


@pytest.mark.parametrize("name", [*FILES, *(f"pins/{name}.txt" for name in PINS)])
def test_packages_come_from_wherever_the_reader_gets_them(name):
    text = re.sub("^Repository = .*", "", (ROOT / name).read_text(), flags=re.M)  # its own address
    assert not re.search(
        r"://|--(extra-)?index-url|find-links|trusted-host|/(home|root|opt)/", text
    )


OWNERS = importlib.metadata.packages_distributions()  # a second of work


def imports(source):
    """The packages that a piece of Python imports, by the name of what one installs."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [node.module]
        else:
            continue
        for module in {module.split(".")[0] for module in modules} - sys.stdlib_module_names:
            name = canonicalize_name(OWNERS.get(module, [module])[0])
            yield "tensorflow" if name == "tensorflow-cpu" else name


def code(path):
    if path.suffix == ".py":
        return path.read_text()
    cells = json.loads(path.read_text())["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.MULTILINE)


def imported_by(*patterns):
    paths = [path for pattern in patterns for path in ROOT.glob(pattern)]
    local = {"ffhelpers"} | {path.stem for path in paths}
    return {name for path in paths for name in imports(code(path))} - local


def names(*requirements):
    return {canonicalize_name(r.name) for r in requirements}


def test_imports_and_dependencies_are_the_same():
    used = imported_by("ffhelpers/**/*.py", "notebooks/*.ipynb")
    assert used - names(*CORE) <= {"tensorflow", "distributed"}  # come with extras
    assert names(*CORE) - used == {"tabulate"}  # pandas imports it
    tested = imported_by("tests/*.py", "notebooks/*.py", "benchmarks/*.py", "docs/*.py")
    tested -= {"tomli", "tomllib"}  # in the library from Python 3.11 on
    tested -= {"refusals", "test-contract", "test-workers"}  # which lie beside them
    assert tested - names(*CORE, *EXTRAS["test"]) <= {"tensorflow"}
    browsed = imported_by("tests/browser/*.py") - {"exercises", "networks"}  # beside that folder
    assert browsed - names(*CORE, *EXTRAS["test"]) == names(*EXTRAS["browser"])


# The Makefile, with a shell script in the place of Python: it says which version it is, and what
# it is asked to do goes into a log.
STUB = """#!/bin/sh
echo "$*" >> log
case "$*" in
*version_info*) echo {version} ;;
*ensurepip*) exit {no_venv:d} ;;
"-m venv --clear .venv") rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
*"pip config list"*) cat pip.conf 2>/dev/null ;;
*"pip install"*"pins/uv.txt") test ! -e no-uv ;;
*"uv pip"*) echo "uv asks $UV_DEFAULT_INDEX, trusts $SSL_CERT_FILE" >> log; test ! -e no-index ;;
*"pip install"*) test ! -e no-network ;;
*pip_audit*) cat audited; ! grep -q "^Found" audited ;;
esac
"""


class Clone:
    """What `make` needs of the repository, in a folder with a space, and a PATH of our own."""

    def __init__(self, folder):
        self.folder = folder / "a clone"
        self.bin = folder / "bin"
        self.folder.mkdir()
        self.bin.mkdir()
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, self.folder)
        for name in ("pins", "notebooks"):
            shutil.copytree(ROOT / name, self.folder / name)
        self.program("nvidia-smi", "#!/bin/sh\nexit 9")

    def program(self, name, text):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def python(self, name, version, no_venv=False):
        self.program(name, STUB.format(version=version, no_venv=no_venv))

    @property
    def log(self):
        return (self.folder / "log").read_text()

    def make(self, *arguments, **variables):
        """-> (the finished make, what it installed and fetched)"""
        ours = {
            k: v
            for k, v in os.environ.items()
            if k not in ("PYTHON", "EXTRA") and not k.startswith(("MAKE", "MFLAGS", "UV_", "SSL_"))
        }
        ours |= {"PATH": f"{self.bin}:{os.environ['PATH']}", **variables}
        (self.folder / "log").write_text("")
        done = subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env=ours,
            text=True,
            capture_output=True,
            check=False,
            timeout=60,
        )
        steps = re.findall(r"-m (\S+).* --require-hashes -r pins/(\w+).txt", self.log)
        return done, [" ".join(step) for step in steps] + re.findall(r"ffhelpers data", self.log)

    def installed(self, *arguments, **variables):
        done, steps = self.make(*arguments, **variables)
        assert done.returncode == 0, done.stderr
        assert steps[-1] == "ffhelpers data"
        ours = re.findall("pip install .*--no-deps --no-build-isolation -e [.]", self.log)
        assert len(ours) == (len(steps) > 1)
        return steps[:-1]


@pytest.fixture
def clone(tmp_path):
    if not shutil.which("make"):
        pytest.skip("no make here")
    clone = Clone(tmp_path)
    clone.python("python3", "3.11")
    return clone


def test_make_alone_lists_the_targets(clone):
    done, steps = clone.make()
    listed = re.findall(r"^make ([\w-]+) +\w", done.stdout, re.MULTILINE)
    targets = "audit badges bench book clean kaggle lab pins results run setup test test-all"
    targets += " test-browser test-kaggle test-lowest test-newest"
    assert (sorted(listed), steps) == (targets.split(), [])


def test_setup_installs_once_and_again_after_a_change(clone):
    assert clone.installed("setup") == ["uv cpu"]
    assert clone.installed("setup") == []
    for name in ("pyproject.toml", "pins/cpu.txt", "pins/uv.txt"):
        with (clone.folder / name).open("a") as file:
            file.write("# changed\n")
        assert clone.installed("setup") == ["uv cpu"]
    clone.folder = clone.folder.rename(clone.folder.parent / "moved")
    assert clone.installed("setup") == ["uv cpu"]
    assert clone.installed("setup") == []


def test_setup_follows_the_interpreter_and_extra_asked_for(clone):
    clone.python("python3.13", "3.13")
    assert clone.installed("setup") != []
    assert clone.installed("setup", PYTHON="python3.13") != []
    assert clone.installed("setup", PYTHON="python3.13") == []
    assert clone.installed("setup") == []
    assert clone.installed("setup", "EXTRA=cuda") == ["uv cuda"]
    assert clone.installed("setup") == []


@pytest.mark.parametrize("hindrance, tried", [("no-uv", []), ("no-index", ["uv cpu"])])
def test_pip_installs_the_same_where_uv_cannot(clone, hindrance, tried):
    (clone.folder / hindrance).touch()
    assert clone.installed("setup") == [*tried, "pip cpu"]
    assert clone.installed("setup") == []


PIP_CONF = """\
:env:.cert='/a b.pem'
:env:.index-url='{env}'
global.index-url='{file}'
"""


@pytest.mark.parametrize(
    "env, file, uv, asked",
    [
        ("", "file:a", {}, "file:a"),
        ("file:b", "file:a", {}, "file:b"),
        ("", "file:a", {"UV_INDEX_URL": "file:c"}, "file:c"),
        ("file:b", "file:a", {"UV_DEFAULT_INDEX": "file:d", "UV_INDEX_URL": "file:c"}, "file:d"),
    ],
)
def test_uv_asks_the_index_that_pip_does_unless_it_has_its_own(clone, env, file, uv, asked):
    lines = PIP_CONF.format(env=env, file=file).splitlines()
    lines = [line for line in lines if "''" not in line]
    (clone.folder / "pip.conf").write_text("\n".join(lines))
    clone.installed("setup", **uv)
    assert f"uv asks {asked}, trusts /a b.pem\n" in clone.log
    clone.make("pins", **uv)
    assert clone.log.count(f"uv asks {asked}, trusts /a b.pem\n") == len(PINS)


def test_pins_are_kept_unless_newer_ones_are_asked_for(clone):
    clone.make("pins")
    kept = re.findall(r"uv pip compile .*", clone.log)
    assert len(kept) == len(PINS) and not any("--upgrade" in call for call in kept)
    for name in PINS:
        assert sum(f" -o pins/{name}.txt" in call for call in kept) == 1
    clone.make("pins", "UPGRADE=1")
    assert all("--upgrade" in call for call in re.findall(r"uv pip compile .*", clone.log))


def test_uv_asks_what_it_does_by_itself_where_pip_does_too(clone):
    clone.installed("setup")
    assert "uv asks , trusts \n" in clone.log


def test_run_takes_every_notebook_or_those_asked_for(clone):
    (clone.folder / "notebooks" / "99_new.ipynb").touch()
    clone.make("run")
    all_of_them = sorted(f"notebooks/{path.name}" for path in ROOT.glob("notebooks/*.ipynb"))
    all_of_them.append("notebooks/99_new.ipynb")
    assert f"-m ffhelpers run {' '.join(all_of_them)} --jobs 2 --output runs\n" in clone.log
    clone.make("run", "NOTEBOOKS=notebooks/02_loss.ipynb")
    assert "-m ffhelpers run notebooks/02_loss.ipynb --jobs 2 --output runs\n" in clone.log


@pytest.mark.parametrize(
    "audited, said, status",
    [
        ("No known vulnerabilities found", "No known vulnerabilities found", 0),
        ("Found 1 known vulnerability\nkeras 3.11.2 CVE-1 3.11.3", "CVE-1", 2),
        ("keras Dependency not found on PyPI and could not be audited: keras (3)", "no data", 0),
        ("Found\nrequests.exceptions.ConnectionError: (host='a', port=443)", "no data", 0),
    ],
)
def test_an_audit_fails_by_what_is_known_and_not_where_nothing_is(clone, audited, said, status):
    (clone.folder / "audited").write_text(audited + "\n")
    done, steps = clone.make("audit")
    assert (done.returncode, "uv audit" in steps) == (status, True) and said in done.stdout
    assert "-m bandit -q -c pyproject.toml -r ffhelpers" in clone.log


def test_setup_takes_cuda_where_there_is_a_gpu(clone):
    clone.program("nvidia-smi", "#!/bin/sh\n")
    assert clone.installed("setup") == ["uv cuda"]


def test_an_interrupted_installation_starts_over(clone):
    hindrances = [clone.folder / name for name in ("no-uv", "no-index", "no-network")]
    for hindrance in hindrances:
        hindrance.touch()
    done, _ = clone.make("setup")
    assert done.returncode != 0 and "no network?" in done.stderr
    for hindrance in hindrances:
        hindrance.unlink()
    assert clone.installed("setup") == ["uv cpu"]


@pytest.mark.parametrize("minor", range(7, 17))
def test_setup_takes_the_pythons_of_pyproject(clone, minor):
    clone.python("python3", f"3.{minor}")
    done, steps = clone.make("setup")
    assert (done.returncode == 0) == (steps != []) == (f"3.{minor}" in PYTHONS)


@pytest.mark.parametrize(
    "version, no_venv, says",
    [
        (None, False, "is missing"),
        ("3.8", False, "is 3.8"),
        ("3.11", True, "apt install python3.11-venv"),
    ],
)
def test_an_unfit_interpreter_gets_one_line(clone, version, no_venv, says):
    clone.installed("setup")
    before = sorted(clone.folder.rglob("*"))
    if version:
        clone.python("python9.9", version, no_venv)
    (clone.folder / "pins" / "cpu.txt").write_text("")  # so that 3.11 has something to do
    done, steps = clone.make("setup", PYTHON="python9.9")
    line, makes_own = done.stderr.splitlines()
    assert line.startswith("python9.9 ") and says in line
    assert makes_own.startswith("make: ***")
    assert (done.stdout, steps, sorted(clone.folder.rglob("*"))) == ("", [], before)
    if not no_venv:
        assert f"{PYTHONS[0]} to {PYTHONS[-1]}" in line and "PYTHON=python3.12 make setup" in line


@pytest.mark.parametrize(
    "program, prints, says",
    [
        ("uname", "Darwin x86_64", "no wheels for Macs with an Intel processor"),
        ("ldd", "musl libc (x86_64)", "no wheels for Linux with musl"),
    ],
)
def test_a_machine_without_wheels_gets_one_line(clone, program, prints, says):
    clone.program(program, f"#!/bin/sh\necho '{prints}'")
    done, steps = clone.make("setup")
    line, makes_own = done.stderr.splitlines()
    assert says in line and makes_own.startswith("make: ***")
    assert (done.stdout, steps) == ("", [])


def test_on_python_3_10_the_book_says_what_it_needs(clone):
    clone.python("python3", "3.10")
    done, steps = clone.make("book")
    line, makes_own = done.stderr.splitlines()
    assert done.returncode and line.startswith("make book needs Python 3.11 to 3.13: ")
    assert makes_own.startswith("make: ***") and "sphinx" not in clone.log
