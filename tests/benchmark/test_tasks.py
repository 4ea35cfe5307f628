from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.bench_command import parser, run
from benchmark.tasks import chosen, load_tasks, read_tasks, task_from
from versamammo.errors import InputError

GOOD = {
    "id": "cls.x.density", "version": 1, "set": "internal", "dataset": "X", "target": "density",
    "kind": "ordinal", "sources": ["x"], "label": "density", "classes": ["A", "B", "C"],
    "values": [1, 2, 3],
}  # fmt: skip


def test_a_task_is_read_as_it_is_written() -> None:
    task = task_from(GOOD)

    assert (task.values, task.level, task.metric) == (((1,), (2,), (3,)), "image", "macro_auroc")
    assert task.category == "classification"
    assert task.as_fitted is task


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"kind": "binary"}, "classes"),
        ({"kind": "guess"}, "kind"),
        ({"classes": ["A", "A", "B"]}, "classes"),
        ({"values": [1, 2]}, "values"),
        ({"values": ["a", "b", "c"]}, "values"),
        ({"label": "weight"}, "label"),
        ({"label": "shape"}, "label"),
        ({"label": "boxes"}, "values"),
        ({"kind": "detection"}, "label"),
        ({"set": "secret"}, "set"),
        ({"level": "pixel"}, "level"),
        ({"version": 0}, "version"),
        ({"sources": []}, "sources"),
        ({"topics": ["ACR"]}, "topics"),
        ({"fitted_values": [1]}, "fitted_values"),
        ({"id": "Cls"}, "id"),
    ],
)
def test_what_contradicts_itself_is_refused_by_its_field(
    change: dict[str, object], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        task_from({**GOOD, **change})

    assert caught.value.field == field
    assert caught.value.reason == "bad-tasks"


def test_a_missing_key_is_named() -> None:
    without = {key: value for key, value in GOOD.items() if key != "sources"}

    with pytest.raises(InputError, match="sources unknown or missing"):
        task_from(without)


def test_an_id_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = json.dumps({"common": {}, "tasks": [GOOD]})  # JSON is YAML
        (tmp_path / f"{name}.yaml").write_text(text)

    with pytest.raises(InputError, match=r"cls\.x\.density occur twice"):
        load_tasks(tmp_path)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("- 1\n- 2\n")

    with pytest.raises(InputError, match=r"odd\.yaml: expected `common` and `tasks`"):
        read_tasks(path)


def test_patterns_choose_and_a_pattern_without_task_is_refused() -> None:
    tasks = load_tasks()

    assert {task.category for task in chosen(["det.*", "ext.det.*"], tasks)} == {"detection"}
    assert len(chosen([], tasks)) == 92
    with pytest.raises(InputError, match=r"'cls\.moon\.\*' fits none"):
        chosen(["cls.moon.*"], tasks)


def test_the_list_is_printed_for_people_and_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(parser().parse_args(["list"])) == 0
    assert capsys.readouterr().out.endswith("92 tasks: 68 internal, 24 external\n")

    assert run(parser().parse_args(["list", "--json", "--tasks", "ext.transfer.*"])) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) == 10
    assert listed[0]["needs"] == ["dbt", "cbis-ddsm"]
