"""ESCO and O*NET in small, as they are published, and archives that are not what they seem."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from features.records.reading import import_file, import_sources

ESCO = {
    "skills_en.csv": "conceptType,conceptUri,skillType,reuseLevel,preferredLabel,altLabels,hiddenLabels,description\n"
    'KSC,uri:s1,skill/competence,cross-sector,brew tea,"make tea\nprepare tea\nbrew tea",,How to\n'
    "KSC,uri:s2,knowledge,sector-specific,kinds of tea,,,What there is\n",
    "skillGroups_en.csv": "conceptType,conceptUri,preferredLabel,altLabels,hiddenLabels,description,code\n"
    "SkillGroup,uri:g1,drinks,,,All drinks,S1\n",
    "occupations_en.csv": "conceptType,conceptUri,iscoGroup,preferredLabel,altLabels,hiddenLabels,description,code\n"
    'Occupation,uri:o1,5131,tea maker,"brewer\ntea person",,Makes tea,5131.1\n',
    "occupationSkillRelations.csv": "occupationUri,relationType,skillType,skillUri\n"
    "uri:o1,essential,skill/competence,uri:s1\nuri:o1,optional,knowledge,uri:s2\nuri:o9,optional,knowledge,uri:s2\n",
    "skillSkillRelations.csv": "originalSkillUri,originalSkillType,relationType,relatedSkillType,relatedSkillUri\n"
    "uri:s1,skill/competence,optional,knowledge,uri:s2\n",
    "broaderRelationsSkillPillar.csv": "conceptType,conceptUri,broaderType,broaderUri\nKSC,uri:s1,SkillGroup,uri:g1\n",
}


def archives(folder: Path) -> list[Path]:
    parts = {"classification.zip": list(ESCO)[:3], "relations.zip": list(ESCO)[3:]}
    for name, members in parts.items():
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in members:
                archive.writestr(member, ESCO[member])
    return [folder / name for name in parts]


def test_an_archive_alone_is_refused_with_what_is_missing(sqlite_store, tmp_path, refusal):
    first, _ = archives(tmp_path)
    error = refusal(sqlite_store, first, "esco")
    assert "occupationSkillRelations.csv" in error.found


def test_a_truncated_archive_is_refused(sqlite_store, tmp_path, refusal):
    for path in archives(tmp_path):
        path.write_bytes(path.read_bytes()[:-40])
    assert "damaged or cut short" in str(refusal(sqlite_store, tmp_path, "esco"))


def test_an_archive_damaged_inside_is_refused_and_nothing_kept(sqlite_store, tmp_path, refusal):
    _, second = archives(tmp_path)
    content = bytearray(second.read_bytes())
    content[60:70] = bytes(10)
    second.write_bytes(content)
    assert "damaged" in str(refusal(sqlite_store, tmp_path, "esco"))
    assert sqlite_store.count("skills") == 0


def test_an_archive_that_points_outside_is_refused(sqlite_store, tmp_path, refusal):
    path = tmp_path / "esco.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../skills_en.csv", "x")
    assert "outside itself" in str(refusal(sqlite_store, path, "esco"))


def test_a_zip_bomb_is_refused_before_it_unpacks(sqlite_store, tmp_path, refusal):
    path = tmp_path / "esco.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("skills_en.csv", b"0" * 20_000_000)
    assert "unpacks to far more" in str(refusal(sqlite_store, path, "esco"))


def test_a_spreadsheet_bomb_is_refused_before_it_unpacks(sqlite_store, tmp_path, refusal):
    path = tmp_path / "courses.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 20_000_000)
    assert "unpacks to far more" in str(refusal(sqlite_store, path, "courses"))


def test_a_taxonomy_file_without_a_column_is_refused(sqlite_store, tmp_path, refusal):
    for name, text in ESCO.items():
        (tmp_path / name).write_text(text.replace("skillUri", "skill"), encoding="utf-8")
    (problem,) = refusal(sqlite_store, tmp_path, "esco").problems
    assert (problem.file, problem.column) == ("occupationSkillRelations.csv", "skillUri")


@pytest.mark.parametrize("is_packed", [True, False])
def test_esco_becomes_jobs_skills_and_relations(store, tmp_path, options, is_packed):
    if is_packed:
        report = import_sources(store, archives(tmp_path), "esco", options)["esco"]
    else:
        for name, text in ESCO.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        report = import_file(store, tmp_path, "esco", options)
    assert (report.accepted, report.duplicates, report.quarantined) == (8, 0, 1)
    assert sorted(store.frame("skills")["skill_type"]) == ["knowledge", "skill group", "skill/competence"]
    assert store.frame("skill_aliases")["alias"].to_list() == ["make tea", "prepare tea"]
    assert store.frame("jobs").select("job_id", "title", "taxonomy", "code").row(0) == (
        "uri:o1",
        "tea maker",
        "esco",
        "5131",
    )
    assert store.frame("job_aliases")["alias"].to_list() == ["brewer", "tea person"]
    assert store.frame("job_skills")["importance"].to_list() == [1.0, 0.5]
    assert sorted(store.frame("skill_relations")["relation"]) == ["broader", "optional"]


def test_a_relation_to_what_is_not_published_is_put_aside_with_its_reason(store, tmp_path, options):
    paths = archives(tmp_path)
    import_sources(store, paths, "esco", options)
    again = import_sources(store, paths, "esco", options)["esco"]
    assert (again.accepted, again.duplicates, again.quarantined) == (0, 9, 0)
    row = store.frame("quarantine").row(0, named=True)
    assert (row["source"], row["line"]) == ("occupationSkillRelations.csv", 4)
    assert "uri:o9" in row["reason"]
    assert "uri:o9" in row["payload"]


ONET = {
    "Occupation Data.txt": 'O*NET-SOC Code\tTitle\tDescription\n11-1.00\tChiefs\tLead "all"\n11-2.00\tCooks\tCook\n',
    "Job Zones.txt": "O*NET-SOC Code\tJob Zone\tDate\tDomain Source\n11-1.00\t5\t08/2023\tAnalyst\n",
    "Alternate Titles.txt": "O*NET-SOC Code\tAlternate Title\tShort Title\tSource(s)\n11-1.00\tBoss\tn/a\t08\n",
    "Task Statements.txt": "O*NET-SOC Code\tTask ID\tTask\tTask Type\tIncumbents Responding\tDate\tDomain Source\n"
    "11-1.00\t8823\tDecide.\tCore\t95\t08/2023\tIncumbent\n",
    "Related Occupations.txt": "O*NET-SOC Code\tRelated O*NET-SOC Code\tRelatedness Tier\tIndex\n11-1.00\t11-2.00\tPrimary-Short\t1\n",
    "Technology Skills.txt": "O*NET-SOC Code\tExample\tCommodity Code\tCommodity Title\tHot Technology\tIn Demand\n"
    "11-1.00\tSlides\t432\tPresentation software\tY\tY\n11-2.00\tSlides\t432\tPresentation software\tY\tN\n",
}


@pytest.fixture
def onet_folder(tmp_path: Path) -> Path:
    """Return a folder with a small O*NET and its workbook."""
    for name, text in ONET.items():
        (tmp_path / name).write_text(text.replace('Lead "all"', "Lead all"), encoding="utf-8")
    book = openpyxl.Workbook()
    header = ["O*NET-SOC Code", "Title", "Element ID", "Element Name", "Scale ID", "Scale Name", "Data Value"]
    rows = [["11-1.00", "Chiefs", "2.A.1.a", "Reading", "IM", "Importance", 4.0],
            ["11-1.00", "Chiefs", "2.A.1.a", "Reading", "LV", "Level", 3.5],
            ["99-9.00", "Gone", "2.A.1.a", "Reading", "IM", "Importance", 2],
            ["99-9.00", "Gone", "2.A.1.a", "Reading", "LV", "Level", 2]]  # fmt: skip
    for row in [header, *rows]:
        book.active.append(row)
    book.save(tmp_path / "Skills_2018.xlsx")
    return tmp_path


def test_onet_becomes_jobs_tasks_and_scaled_requirements(store, onet_folder, options):
    report = import_file(store, onet_folder, "onet", options)
    assert report.quarantined == 1
    assert store.frame("jobs").select("job_id", "grade", "taxonomy").row(0) == ("11-1.00", 5.0, "onet")
    assert store.frame("job_tasks").select("task_id", "task_type").row(0) == ("8823", "core")
    assert store.frame("job_aliases")["alias"].to_list() == ["Boss"]
    assert store.frame("job_relations").select("related_id", "rank").row(0) == ("11-2.00", 1)
    found = {(row["job_id"], row["skill_id"]): row for row in store.frame("job_skills").to_dicts()}
    assert found["11-1.00", "onet:technology:slides"]["importance"] == 1.0
    assert found["11-2.00", "onet:technology:slides"]["importance"] == 0.5
    reading = found["11-1.00", "onet:2.A.1.a"]
    assert (reading["importance"], reading["level"]) == (0.75, 2.5)


def test_onet_a_second_time_changes_nothing(sqlite_store, onet_folder, options):
    import_file(sqlite_store, onet_folder, "onet", options)
    again = import_file(sqlite_store, onet_folder, "onet", replace(options, known_at="import"))
    assert (again.accepted, again.quarantined) == (0, 0)


def test_a_folder_without_occupations_is_refused(sqlite_store, tmp_path, refusal):
    assert "Occupation Data.txt" in str(refusal(sqlite_store, tmp_path, "onet"))
