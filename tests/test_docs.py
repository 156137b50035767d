"""The manual is tested like the code: what it names exists, and what exists is in it."""

import ast
import re
from collections.abc import Iterator
from fnmatch import filter as matching
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from oncotrace import errors
from oncotrace.cli.app import app
from oncotrace.curate.check_names import HEADER_CHECKS, VOXEL_CHECKS
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import MODALITIES, Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import OncotraceError
from oncotrace.io.clicks_file import read_clicks, write_clicks
from oncotrace.io.volume_file import write_scan
from oncotrace.segment.segmenters import segmenter_names

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
COMMANDS_PAGE = DOCS / "reference" / "commands.md"
ERRORS_PAGE = DOCS / "reference" / "errors.md"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def commands() -> dict[str, Any]:
    """Every command by its full name, such as ``clicks simulate``."""

    def walk(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from walk(command, (*path, name))
            else:
                yield " ".join((*path, name)), command

    return dict(walk(typer.main.get_command(app), ()))


def options_of(command: Any) -> set[str]:
    """Long options of a command, without ``--help``."""
    spellings = [s for p in command.params for s in (*p.opts, *p.secondary_opts)]
    return {spelling for spelling in spellings if spelling.startswith("--")} - {"--help"}


def sections(page: Path) -> dict[str, str]:
    """Text below each second-level heading, by its title without code marks."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    titles = (title.replace("`", "").strip() for title in parts[::2])
    return dict(zip(titles, parts[1::2], strict=True))


def error_classes(parent: type[OncotraceError] = OncotraceError) -> Iterator[type[OncotraceError]]:
    """Every error that we raise on purpose, from the base down."""
    yield parent
    for child in parent.__subclasses__():
        yield from error_classes(child)


def codes_in_source() -> Iterator[str]:
    """Every code that the package passes to an error, ``*`` for what is known at run time only."""
    for module in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code":
                if isinstance(node.value, ast.JoinedStr):
                    parts = node.value.values
                    yield "".join(p.value if isinstance(p, ast.Constant) else "*" for p in parts)
                elif isinstance(node.value, ast.Constant):
                    yield node.value.value


def documented_codes() -> set[str]:
    """Codes in the first column of the tables of errors."""
    first_cells = re.findall(r"^\| (`[^|]*`) \|", ERRORS_PAGE.read_text(encoding="utf-8"), re.M)
    return {code for cell in first_cells for code in re.findall(r"`([a-z0-9-]+)`", cell)}


def shell_lines(page: Path) -> Iterator[str]:
    """Lines of a page's shell examples, continued lines joined."""
    for block in re.findall(
        r"```(?:bash|sh|console)\n(.*?)```", page.read_text("utf-8"), re.DOTALL
    ):
        yield from block.replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_a_section_with_exactly_its_options(name: str) -> None:
    section = sections(COMMANDS_PAGE).get(f"oncotrace {name}")
    assert section is not None, f"docs/reference/commands.md has no section `oncotrace {name}`"
    listed = set(re.findall(r"^\| `(--[a-z-]+)", section, flags=re.MULTILINE))
    assert listed == options_of(commands()[name])


def test_no_section_describes_a_command_that_does_not_exist() -> None:
    described = {
        title.removeprefix("oncotrace ")
        for title in sections(COMMANDS_PAGE)
        if title.startswith("oncotrace ")
    }
    assert described == set(commands())


def test_every_segmenter_and_sequence_is_documented() -> None:
    text = COMMANDS_PAGE.read_text(encoding="utf-8")
    assert [name for name in (*segmenter_names(), *MODALITIES) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_examples_exist_with_their_options(page: Path) -> None:
    known = commands()
    for line in shell_lines(page):
        if not (called := re.match(r"\s*(?:\$ )?(?:\.venv/bin/)?oncotrace\s+(?!--)(.*)", line)):
            continue
        words = called.group(1).split()
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in known), None)
        assert name is not None, f"no such command: {line}"
        assert set(OPTION.findall(line)) <= options_of(known[name]) | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_in_examples_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    called = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, flags=re.MULTILINE))
    assert called <= targets


@pytest.mark.parametrize("kind", list(error_classes()), ids=lambda kind: kind.__name__)
def test_every_error_is_documented_with_its_code(kind: type[OncotraceError]) -> None:
    text = ERRORS_PAGE.read_text(encoding="utf-8")
    assert f"`{kind.__name__}`" in text
    assert f"`{kind.default_code}`" in text


def test_every_code_that_the_package_raises_is_documented() -> None:
    documented = documented_codes()
    raised = set(codes_in_source()) - {kind.default_code for kind in error_classes()}
    assert sorted(code for code in raised if not matching(documented, code)) == []


def test_every_documented_code_is_raised() -> None:
    raised = set(codes_in_source())
    assert sorted(c for c in documented_codes() if not any(fnmatchcase(c, r) for r in raised)) == []


def test_the_tree_of_errors_names_every_class() -> None:
    assert [k.__name__ for k in error_classes() if k.__name__ not in (errors.__doc__ or "")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    internal = [target for target in targets if "://" not in target and ":" not in target]
    assert [t for t in internal if not (page.parent / t).exists()] == []


def test_pages_of_results_name_the_committed_scripts_that_made_them() -> None:
    for page in DOCS.rglob("results*.md"):
        scripts = re.findall(r"benchmarks/[\w/]+\.py", page.read_text(encoding="utf-8"))
        assert scripts, f"{page.name} names no script under benchmarks/"
        assert [script for script in scripts if not (ROOT / script).is_file()] == []


def example(page: Path, language: str) -> str:
    """First code block of a page in a language."""
    found = re.search(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture
def ball() -> Scan:
    """Return a dark ball of 24 mm across in bright tissue, with a little noise."""
    z, y, x = np.mgrid[:30, :40, :40] - np.array([15, 20, 20]).reshape(3, 1, 1, 1)
    voxels = np.where(x**2 + y**2 + z**2 <= 12**2, 100.0, 300.0)
    voxels += np.random.default_rng(1).normal(scale=10.0, size=voxels.shape)
    return Scan(voxels.astype(np.float32), Geometry((40, 40, 30)), "mr-t1")


def test_the_python_example_runs(
    ball: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = [(10, 20, 15), (30, 20, 15), (20, 10, 15), (20, 30, 15), (20, 20, 5), (20, 20, 25)]
    monkeypatch.chdir(tmp_path)
    write_scan(ball, Path("scan.nii.gz"))
    write_clicks(Clicks(np.array(ends, dtype=float)), Path("tumour.csv"))
    exec(example(DOCS / "reference" / "api.md", "python"), {})  # noqa: S102
    volume_ml = 4 / 3 * np.pi * 1.2**3
    assert float(capsys.readouterr().out) == pytest.approx(volume_ml, rel=0.2)


def test_the_example_of_a_segmenter_runs(ball: Scan) -> None:
    names: dict[str, Any] = {}
    exec(example(ROOT / "CONTRIBUTING.md", "python"), names)  # noqa: S102
    made = names["BrightVoxels"]().segment(SegmentationRequest({"mr-t1": ball}, None, 0))
    assert made.mask.voxels[0, 0, 0]
    assert not made.mask.voxels[15, 20, 20]


def test_the_example_of_a_clicks_file_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "clicks.json"
    path.write_text(example(DOCS / "reference" / "files.md", "json"), encoding="utf-8")
    clicks = read_clicks(path)
    assert len(clicks.corrections) == 3
    assert [correction.kind for correction in clicks.standing_corrections()] == ["negative"]


def test_every_check_is_documented() -> None:
    text = (DOCS / "reference" / "files.md").read_text(encoding="utf-8")
    missing = [name for name in (*HEADER_CHECKS, *VOXEL_CHECKS) if f"`{name}`" not in text]
    assert missing == []
