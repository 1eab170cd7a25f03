"""The habits of the house, made mechanical."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import agent_ops

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "agent_ops"
MAX_LINES = 350

PUBLIC = [
    "AccessItem",
    "AgentOps",
    "AgentOpsError",
    "Breaker",
    "Caller",
    "Decision",
    "EffectAdapter",
    "Employee",
    "EmployeeStatus",
    "EntitlementPolicy",
    "Event",
    "ItemStatus",
    "Mail",
    "Observation",
    "Plan",
    "Planner",
    "Profile",
    "Run",
    "RunReport",
    "RunStatus",
    "Sandbox",
    "Settings",
    "Situation",
    "Step",
    "TaskReport",
    "read_policy",
]


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_the_public_names_are_pinned() -> None:
    assert agent_ops.__all__ == PUBLIC
    assert all(getattr(agent_ops, name) is not None for name in PUBLIC)
    with pytest.raises(AttributeError):
        agent_ops.Nonsense  # noqa: B018


def test_every_public_name_is_documented() -> None:
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    assert [name for name in PUBLIC if f"`{name}" not in page] == []
    assert [name for name in PUBLIC if not (getattr(agent_ops, name).__doc__ or "").strip()] == []


def test_importing_the_package_imports_nothing_heavy() -> None:
    check = "import sys, agent_ops; print([m for m in ('langgraph', 'pydantic', 'boto3', 'rich') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", check], text=True).strip() == "[]"


def test_the_help_of_the_command_line_loads_click_and_nothing_else_from_outside() -> None:
    check = (
        "import sys\nfrom agent_ops.cli import main\nsys.argv = ['agent-ops', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)), file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-I", "-c", check], capture_output=True, text=True, check=True)
    assert "Usage: agent-ops" in told.stdout
    assert set(re.findall(r"'(\w+)'", told.stderr)) - {"__main__", "_distutils_hack"} == {"agent_ops", "click"}


def test_no_file_is_too_long() -> None:
    files = [*sources(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "scripts").rglob("*.py"), *(ROOT / "proofs").rglob("*.py")]
    long = {str(f.relative_to(ROOT)): n for f in files if (n := len(f.read_text(encoding="utf-8").splitlines())) > MAX_LINES}
    assert long == {}


def test_the_environment_is_read_in_settings_only() -> None:
    reading = re.compile(r"os\.environ|os\.getenv|\bgetenv\(|BaseSettings|load_dotenv")
    readers = [f.relative_to(PACKAGE).as_posix() for f in sources() if reading.search(f.read_text(encoding="utf-8"))]
    assert {reader.partition("/")[0] for reader in readers} == {"settings"}


def test_every_setting_is_explained_in_the_example() -> None:
    from agent_ops.settings import Environment

    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^([A-Z_]+)=", example, flags=re.MULTILINE))
    assert named == {name.upper() for name in Environment.model_fields}


def test_the_glossary_names_classes_that_exist() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 30
    modules = [m.name for m in pkgutil.walk_packages([str(PACKAGE)], "agent_ops.") if not m.name.endswith("__main__")]
    found = {name for module in modules for name in vars(importlib.import_module(module))}
    assert named - found == set()


def test_the_generated_pages_are_current() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        write_docs = importlib.import_module("write_docs")
    finally:
        sys.path.pop(0)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert write_docs.readme_with_diagram(readme) == readme, "run `make docs`"
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == write_docs.command_reference(), "run `make docs`"


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    files = {f.name for f in (ROOT / "docs" / "decisions").glob("0*.md")}
    assert files == set(re.findall(r"\((\d{3}-[\w-]+\.md)\)", listed))


@pytest.mark.parametrize("name", ["graphs", "tools", "prompts"])
def test_the_top_level_shows_what_the_user_looks_for(name: str) -> None:
    link = ROOT / name
    assert link.is_symlink()
    assert link.resolve() == PACKAGE / name
    assert not link.readlink().is_absolute()


def test_pinned_sets_hold_no_address() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        assert "://" not in lock.read_text(encoding="utf-8")
