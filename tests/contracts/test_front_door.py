"""What a newcomer reads first agrees with the code: paths, words of make, versions, indexes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from versamammo import __version__
from versamammo.vocabulary import BY_NAME

ROOT = Path(__file__).resolve().parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[bf]*.yml"))
ADRS = sorted((ROOT / "docs" / "adr").glob("0*.md"))
CITED = re.compile(
    r"`((?:versamammo|pretrain|vlm|benchmark|app|tests|configs|docs|scripts)/[^`]*)`"
)


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def site() -> dict[str, Any]:
    return dict(yaml.safe_load(text_of("mkdocs.yml")))


def pages_in(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in pages_in(part)]


def test_the_citation_is_of_this_version_and_names_the_paper() -> None:
    cited = yaml.safe_load(text_of("CITATION.cff"))
    assert cited["cff-version"] == "1.2.0"
    assert cited["version"] == __version__
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert cited["license"] == project["license"]
    assert [one["name"] for one in cited["authors"]] == [one["name"] for one in project["authors"]]
    assert {one["url"] for one in cited["references"]} == {project["urls"]["Paper"]}
    assert f"## [{__version__}] - {cited['date-released']}" in text_of("CHANGELOG.md")


def test_the_workflow_runs_the_checks_on_the_oldest_python() -> None:
    jobs = yaml.safe_load(text_of(".github/workflows/checks.yml"))["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert ".ci/run" in [step.get("run") for step in steps]
    (python,) = [step["with"]["python-version"] for step in steps if "setup-python" in str(step)]
    needed = tomllib.loads(text_of("pyproject.toml"))["project"]["requires-python"]
    assert needed == f">={python}"


@pytest.mark.parametrize(
    "file", [*FORMS, ROOT / ".github" / "pull_request_template.md", ROOT / "SECURITY.md",
             ROOT / "CONTRIBUTING.md"], ids=lambda file: file.name,
)  # fmt: skip
def test_nobody_is_asked_for_patient_data_or_promised_a_diagnosis(file: Path) -> None:
    text = " ".join(file.read_text().split()).lower()
    assert "not for diagnosis" in text or "not a medical device and is not for diagnosis" in text
    assert re.search(r"(no|never (attach|send)|not attach) patient data", text.replace("*", ""))


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.stem)
def test_forms_have_what_github_asks_of_them(file: Path) -> None:
    form = yaml.safe_load(file.read_text())
    assert {"name", "description", "body"} <= form.keys()
    ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(ids) == len(set(ids))
    assert all(part["attributes"].get("label") or part["type"] == "markdown"
               for part in form["body"])  # fmt: skip


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/glossary.md"])
def test_every_path_that_is_named_exists(document: str) -> None:
    named = CITED.findall(text_of(document))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_word_of_make_that_is_named_exists() -> None:
    words = set(re.findall(r"`make (\w+)", text_of("CONTRIBUTING.md")))
    targets = set(re.findall(r"^(\w+):", text_of("Makefile"), re.MULTILINE))
    assert words
    assert words <= targets


def test_documents_of_the_front_door_have_short_lines() -> None:
    front = ["CONTRIBUTING.md", "SECURITY.md", "docs/glossary.md", "docs/architecture.md"]
    long = [f"{name}: {line}" for name in front for line in text_of(name).splitlines()
            if len(line) > 100]  # fmt: skip
    assert long == []


def test_every_decision_is_in_the_index_under_its_title() -> None:
    index = text_of("docs/adr/README.md")
    titles = {file.name: file.read_text().splitlines()[0].removeprefix("# ") for file in ADRS}
    for name, title in titles.items():
        assert title.startswith(f"{int(name[:4])}. ")
    listed = re.findall(r"^- \[(.*)\]\((.*)\)$", index, re.MULTILINE)
    assert {name: title for title, name in listed} == titles


def test_every_number_without_a_decision_is_explained() -> None:
    numbers = [int(file.name[:4]) for file in ADRS]
    missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
    said = re.search(r"There are no records ([\d, and]+)\.", text_of("docs/adr/README.md"))
    assert said is not None
    assert [int(number) for number in re.findall(r"\d+", said[1])] == missing


def test_every_document_is_in_the_site() -> None:
    shown = set(pages_in(site()["nav"]))
    documents = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert documents <= shown
    notebooks = (ROOT / "docs" / "notebooks").glob("*.ipynb")
    assert {f"notebooks/{path.stem}.md" for path in notebooks} <= shown


def test_every_package_has_its_reference() -> None:
    (walked,) = [one["api-autonav"] for one in site()["plugins"] if "api-autonav" in one]
    built = tomllib.loads(text_of("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert sorted(walked["modules"]) == sorted(built["packages"])


def test_the_glossary_is_short_ordered_and_says_what_the_vocabulary_says() -> None:
    text = text_of("docs/glossary.md")
    entries = re.findall(r"^- \*\*(.+?)\*\*: ", text, re.MULTILINE)
    assert len(entries) <= 90
    assert len(set(entries)) == len(entries)
    for part in text.split("\n## ")[1:]:
        own = [entry.lower() for entry in re.findall(r"^- \*\*(.+?)\*\*: ", part, re.MULTILINE)]
        assert own == sorted(own)
    plain = " ".join(text.split()).replace(",", "")
    for topic in ("ACR", "Bi-Rads"):
        for _, described in BY_NAME[topic].values:
            assert described.replace(",", "") in plain
