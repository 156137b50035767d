"""The shape of the package is tested like its behaviour.

Docstrings, complexity and prints are ruff's to check, types are mypy's; here stands what they
cannot see.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "oncotrace"
MODULES = sorted(PACKAGE.rglob("*.py"))

LONGEST_MODULE_LINES = 400
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "common", "misc", "tools"}
HEAVY = {
    "nnunetv2",
    "SimpleITK",
    "highdicom",
    "jinja2",
    "joblib",
    "matplotlib",
    "monai",
    "numba",
    "onnxruntime",
    "pandas",
    "pydicom",
    "pynetdicom",
    "scipy",
    "sklearn",
    "torch",
}
MACHINE_PATHS = re.compile(r"/(?:work|farm|home|root)/\w|/tmp/[a-z]+/|[A-Z]:\\Users\\")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".cfg", ".sh", ".csv", ".json"}
OUR_FOLDERS = (".ci", ".githooks", "benchmarks", "docs", "requirements", "scripts", "src", "tests")


def modules_loaded_by(program: str) -> set[str]:
    """Top-level modules outside the standard library that a fresh interpreter ends up with."""
    report = "import sys; print(*{name.split('.')[0] for name in sys.modules} - before)"
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; before = {{*sys.modules, *sys.stdlib_module_names}}\n{program}\n{report}",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(ran.stdout.splitlines()[-1].split())


def imported_by(module: Path) -> Iterator[str]:
    """Top-level packages that a module imports anywhere, also within functions."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def our_text_files() -> Iterator[Path]:
    """Every text file of the repository that people wrote or that ships."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.name[0] != ".")
    for folder in OUR_FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            is_text = path.suffix in TEXT_SUFFIXES or not path.suffix
            if path.is_file() and is_text and "__pycache__" not in path.parts:
                yield path


def test_layers_and_stages_import_only_what_lies_below_them() -> None:
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_module_has_fewer_than_400_lines() -> None:
    lengths = {
        str(module.relative_to(PACKAGE)): len(module.read_text(encoding="utf-8").splitlines())
        for module in MODULES
    }
    assert {name: n for name, n in lengths.items() if n >= LONGEST_MODULE_LINES} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [module for module in MODULES if {*module.parts, module.stem} & NAMES_THAT_SAY_NOTHING]
    assert [str(module.relative_to(PACKAGE)) for module in named] == []


def test_torch_is_imported_only_where_models_are_trained() -> None:
    training = PACKAGE / "learning" / "train"
    adapter = PACKAGE / "learning" / "nnunet_predict.py"  # reads what nnU-Net has trained
    offenders = [
        str(module.relative_to(PACKAGE))
        for module in MODULES
        if training not in module.parents
        and module != adapter
        and {"torch", "monai"} & set(imported_by(module))
    ]
    assert offenders == []


def test_importing_oncotrace_loads_numpy_at_most() -> None:
    assert modules_loaded_by("import oncotrace") <= {"oncotrace", "numpy"}


@pytest.mark.parametrize(
    "command",
    [
        "",
        "segment",
        "lungs",
        "workflow",
        "measure",
        "evaluate",
        "overlap",
        "register",
        "respond",
        "agree",
        "compare",
        "table1",
        "prognosis",
        "train",
        "models",
        "clicks",
        "finetune",
        "evaluate-lungs",
        "nnunet export",
        "prepare",
        "contact-sheet",
        "inventory",
        "check",
        "select",
        "convert",
        "preprocess",
        "deidentify",
        "pacs query",
    ],
)
def test_help_loads_no_heavy_library(command: str) -> None:
    arguments = ["oncotrace", *command.split(), "--help"]
    program = f"""
sys.argv = {arguments!r}
from oncotrace.cli.app import main
try:
    main()
except SystemExit as stop:
    assert not stop.code
"""
    loaded = modules_loaded_by(program)
    assert "oncotrace" in loaded
    assert loaded & HEAVY == set()


def test_no_file_names_a_place_on_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match.group()}"
        for path in our_text_files()
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if (match := MACHINE_PATHS.search(line))
    ]
    assert found == []
