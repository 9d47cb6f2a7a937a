"""The import command: what it prints, and the exit codes that scripts use."""

from __future__ import annotations

import json
import sys

import pytest

import skillpath


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command line and returns exit code, output and errors."""
    monkeypatch.setenv("SKILLPATH_VAR", str(tmp_path / "var"))
    monkeypatch.delenv("SKILLPATH_STORE_URL", raising=False)

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["skillpath", *map(str, arguments)])
        code = 0
        try:
            skillpath.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return command


def test_a_refused_file_ends_with_code_two_and_a_json_object(run, write):
    path = write("courses.csv", "course_id,title,hours\nc1,Excel,x\n")
    code, out, err = run("import", "courses", path, "--json")
    assert code == 2
    answer = json.loads(out)
    assert (answer["accepted"], answer["rejected"]) == (0, 1)
    assert answer["problems"][0]["column"] == "hours"
    assert 'line 2, column "hours"' in err


def test_a_setting_without_a_value_is_refused(run, write):
    code, out, err = run("import", "courses", write("c.csv", "course_id,title\n"), "--set", "as_of")
    assert (code, out) == (2, "")
    assert "name=value" in err


def test_an_unknown_kind_ends_with_code_two(run, write):
    code, _, err = run("import", "coursse", write("c.csv", "x\n"))
    assert code == 2
    assert 'Did you mean "courses"?' in err


def test_several_files_are_reported_as_one_json_object(run, write):
    one, two = (
        write("a.csv", "course_id,title\nc1,Excel\n"),
        write("b.csv", "course_id,title\nc1,Excel\nc2,Word\n"),
    )
    code, out, _ = run("import", "courses", one, two, "--json")
    answer = json.loads(out)
    assert code == 0
    assert {key: answer[key] for key in ("accepted", "duplicates", "quarantined", "rejected")} == {
        "accepted": 2, "duplicates": 1, "quarantined": 0, "rejected": 0,
    }  # fmt: skip
    assert set(answer["files"]) == {"a.csv", "b.csv"}


def test_a_person_reads_one_line_for_each_file(run, write):
    code, out, err = run("import", "courses", write("a.csv", "course_id,title\nc1,Excel\n"))
    assert (code, err) == (0, "")
    assert out.startswith("a.csv: 1 accepted, 0 duplicates")


def test_an_organisation_is_imported_by_its_folder(run, write):
    folder = write("courses.csv", "course_id,title\nc1,Excel\n").parent
    code, out, _ = run("import", "organisation", folder, "--json")
    assert code == 0
    assert json.loads(out)["files"]["courses"]["accepted"] == 1


def test_a_setting_reaches_the_mapping(run, write):
    header = "stag,event,gender,age,industry,profession,traffic,coach,head_gender,greywage,way,extraversion,independ,"
    path = write(
        "t.csv", f"{header}selfcontrol,anxiety,novator\n12,0,m,35,Banks,HR,KA,no,f,white,bus,5,5,5,5,5\n"
    )
    code, out, _ = run(
        "import",
        "hris",
        path,
        "--mapping",
        "babushkin_turnover_survival",
        "--set",
        "as_of=2020-06-01",
        "--json",
    )
    assert code == 0
    assert json.loads(out)["accepted"] == 1


@pytest.mark.parametrize("command", ["sample", "import", "embed"])
def test_the_help_of_each_command_shows_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"skillpath {command}" in out
