"""The page stands alone, says what is unfinished, and is the same bytes every time."""

from __future__ import annotations

import csv
import math
import re
from html.parser import HTMLParser

import pytest

from benchmark.metrics import MetricResult
from benchmark.metrics.subgroups import Subgroup
from benchmark.report import write_report
from benchmark.report.report_tables import subgroup_table
from tests.benchmark.report.made_up_run import write_run
from versamammo.errors import InputError

VOID = {"meta", "br", "img", "path", "circle"}


class Nesting(HTMLParser):
    """Collects tags that are closed in the wrong order, and every address."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    skills = {"student": 2.0, "natural": 0.8, "random": 0.1}
    return write_run(out, skills, cut=[("random", "cls.rsna.cancer")], notice="PHANTOMS: NO DATA")


@pytest.fixture(scope="module")
def text(run):
    return write_report(run, pair_resamples=300).read_text()


def test_the_page_is_well_nested_and_asks_for_nothing_outside_itself(text):
    nesting = Nesting()
    nesting.feed(text)
    assert (nesting.open, nesting.wrong) == ([], [])
    anchors = {address[1:] for address in nesting.addresses if address.startswith("#")}
    assert len(anchors) > 6
    assert all(re.search(rf'id="?{re.escape(anchor)}"?[ >]', text) for anchor in anchors)
    assert all(address[0] == "#" or address.startswith("data:") for address in nesting.addresses)
    assert "<script" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_a_rehearsal_is_stamped_and_commands_versions_and_hashes_are_told(text):
    assert "REHEARSAL ON PHANTOMS" in text
    assert "not for diagnosis" in text
    assert "versamammo bench run --encoder &#x27;a &lt;b&gt;&#x27; --out run" in text
    assert "torch 2.14" in text
    assert "sha-student" in text
    assert "0123456789abcdef" in text


def test_an_unfinished_task_is_labelled_and_ranks_nobody(text):
    assert "incomplete 120/240, not ranked" in text
    assert "Over the 5 tasks that all 3 encoders completed" in text
    assert "not run: needs the archive bmcd" in text
    assert "5 of 7" not in text
    assert "6 of 7" in text


def test_better_encoders_are_told_apart_and_plots_are_there(text):
    row = re.search(r"student</th><td class=n><b>([\d.]+)", text)
    other = re.search(r"random</th><td class=n><b>([\d.]+)", text)
    assert float(row.group(1)) < float(other.group(1))
    for caption in (
        "ROC",
        "Reliability",
        "FROC",
        "Dice of the images",
        "Dice of the images with a lesion",
        "Average precision of",
    ):
        assert f"<figcaption>{caption}" in text
    assert "critical difference diagram" in text
    assert "AUROC by group" in text
    assert "p, Holm" in text


def test_scores_are_written_for_a_spreadsheet_and_for_latex(run, text):
    rows = list(csv.DictReader((run / "scores.csv").open()))
    assert {row["model"] for row in rows} == {"student", "natural", "random"}
    assert sum(row["state"] != "complete" for row in rows) > 0
    latex = (run / "scores.tex").read_text()
    assert latex.count("\\begin{tabular}") == latex.count("\\end{tabular}") == 1
    assert "\\textbf{" in latex
    assert "(incomplete)" in latex
    body = [line for line in latex.splitlines() if line.endswith("\\\\")]
    assert {line.count(" & ") for line in body} == {4}


def test_the_same_records_give_the_same_bytes(run, text):
    assert write_report(run, pair_resamples=300).read_text() == text


def test_a_run_on_real_data_is_not_stamped_and_one_encoder_has_no_ranks(tmp_path):
    run = write_run(tmp_path, {"student": 2.0}, ids=("cls.rsna.cancer",))
    text = write_report(run).read_text()
    assert "PHANTOMS" not in text
    assert "Mean rank" not in text
    assert "Paired differences" not in text


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        write_report(tmp_path)


def test_internal_and_external_tasks_are_ranked_apart_too(tmp_path):
    ids = ("cls.rsna.cancer", "cls.vindr.density", "ext.cls.lamis.density", "ext.ret.nlbs.cancer")
    run = write_run(tmp_path, {"student": 2.0, "random": 0.1}, ids=ids)
    text = write_report(run, pair_resamples=100).read_text()
    assert "Internal: mean rank" in text
    row = re.search(r"student</th>(.*?)</tr>", text).group(1)
    assert re.findall(r"(\d) of (\d)", row)[1] == ("2", "2")
    assert [tasks for _, tasks in re.findall(r"(\d) of (\d)", row)] == ["4", "2", "2"]


def test_groups_of_too_few_patients_are_named_below_the_others():
    blank = MetricResult(
        "t", "auroc", math.nan, math.nan, math.nan, 4, 2, "too few patients: 2 of 10"
    )
    whole = MetricResult("t", "auroc", 0.8, 0.7, 0.9, 40, 20)
    some = [Subgroup("view", "CC", whole), Subgroup("view", "ML", blank)]
    drawn = subgroup_table("student", some)
    assert "Not computed: view ML (too few patients: 2 of 10)." in drawn
    assert drawn.count("<tr>") == 2
    assert subgroup_table("student", []) == ""
    assert "<table>" not in subgroup_table("student", some[1:])
