"""`skillpath evaluate skills`: published tables as they are, and what cannot be read."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from features.errors import BadInputError
from features.text import Floats
from training.skills.evaluate_table import run
from training.skills.table import labels_in, read_decorte, read_jobbert, read_melo, read_pairs


def encode(texts: Sequence[str]) -> Floats:
    """Return counts of letters, of length one: texts alike in letters are near."""
    vectors = np.zeros((len(texts), 27), dtype=np.float32)
    for row, text in enumerate(texts):
        for letter in text.lower():
            vectors[row, ord(letter) - 97 if "a" <= letter <= "z" else 26] += 1
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


SKILLS = ["weld steel", "sell cars", "query databases", "bake bread", "nurse patients", "judge horses",
          "fix pumps", "mix paint", "map valleys", "grow wheat", "zip xylophones", "knit gloves"]  # fmt: skip


@pytest.fixture
def taxonomy(tmp_path: Path) -> Path:
    rows = "\n".join(f"s{place},{name}" for place, name in enumerate(SKILLS))
    (tmp_path / "skills.csv").write_text(f"skill_id,name\n{rows}\n")
    occupations = "\n".join(f"o{place},{name}r" for place, name in enumerate(SKILLS))
    (tmp_path / "jobs.csv").write_text(f"job_id,title\n{occupations}\n")
    return tmp_path


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class TestRefusals:
    def test_a_missing_option_is_named(self) -> None:
        with pytest.raises(BadInputError, match="--queries"):
            run(["--format", "decorte"])

    def test_a_missing_column_is_named_with_those_that_are_there(self, tmp_path: Path) -> None:
        path = write(tmp_path / "q.csv", "phrase,label", "weld,weld steel")
        with pytest.raises(BadInputError, match=r"phrase, label.*sentence"):
            read_decorte(path)

    def test_labels_outside_the_taxonomy_are_refused_when_all_are(
        self, tmp_path: Path, taxonomy: Path
    ) -> None:
        path = write(tmp_path / "q.csv", "sentence,label", "fly,fly planes")
        arguments = ["--format", "decorte", "--queries", str(path), "--taxonomy", str(taxonomy)]
        with pytest.raises(BadInputError, match="fly planes"):
            run(arguments, encode)

    def test_a_folder_without_a_taxonomy_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "q.csv", "sentence,label", "weld,weld steel")
        (tmp_path / "empty").mkdir()
        with pytest.raises(BadInputError, match="no taxonomy"):
            run(
                ["--format", "decorte", "--queries", str(path), "--taxonomy", str(tmp_path / "empty")], encode
            )

    def test_melo_without_its_judgements_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "q.tsv", "Q1\twelder")
        with pytest.raises(BadInputError, match="MELO"):
            run(["--format", "melo", "--queries", str(path)], encode)


class TestReaders:
    def test_decorte_groups_labels_and_drops_those_that_name_none(self, tmp_path: Path) -> None:
        path = write(tmp_path / "q.csv", "sentence,span,sub_span,label", '"weld, sell",weld,,weld steel', '"weld, sell",sell,,sell cars',
                     "paint,x,,LABEL NOT PRESENT", "paint,x,,UNDERSPECIFIED")  # fmt: skip
        assert read_decorte(path).labels == {"weld, sell": ["weld steel", "sell cars"]}

    def test_jobbert_keeps_how_often_a_title_has_an_occupation(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv.gz"
        path.write_bytes(gzip.compress(b",vacancyTitle,conceptUri\n0,NULL,o1\n1,NULL,o1\n2,NULL,o2\n"))
        found = read_jobbert(path)
        assert found.weights == {("NULL", "o1"): 2, ("NULL", "o2"): 1}

    def test_lists_in_cells_are_read_as_they_are_written(self) -> None:
        assert labels_in("['a, b', 'c']") == ["a, b", "c"]
        assert labels_in("a;b") == ["a", "b"]
        assert labels_in("[not, python]") == ["not", "python"]

    def test_pairs_find_their_columns_and_split_lists(self, tmp_path: Path) -> None:
        path = write(tmp_path / "p.csv", "course_name;course_skills", "Bakery;bake bread|grow wheat")
        assert read_pairs(path, None).labels == {"Bakery": ["bake bread", "grow wheat"]}

    def test_melo_has_no_header_and_quotes_are_letters(self, tmp_path: Path) -> None:
        found = read_melo(
            write(tmp_path / "q.tsv", 'Q1\t"chef" de rang'), write(tmp_path / "c.tsv", "D1\tcook", "D2\tchef"),
            write(tmp_path / "a.tsv", "Q1\t0\tD2\t1", "Q1\t0\tD1\t0"), write(tmp_path / "m.tsv", "D1\tC", "D2\tC"),
        )  # fmt: skip
        assert found.queries == {"Q1": '"chef" de rang'}
        assert found.relevant == {"Q1": {"D2"}}
        assert found.concepts == {"D1": "C", "D2": "C"}

    @pytest.mark.parametrize(
        ("queries", "corpus", "qrels"),
        [
            (["query_id\ttext", "Q1\tcook"], ["doc_id\ttext", "D1\tchef", "D2\tcook"], ["query_id\titer\tdoc_id\tgrade", "Q1\t0\tD2\t1"]),
            (["Q1\tcook"], ["D1\tchef", "D2\tcook"], ["query-id\tcorpus-id\tscore", "Q1\tD2\t1", "Q1\tD1\t0"]),
            (["id,text", "Q1,cook"], ["_id,text", "D1,chef", "D2,cook"], ["Q1 0 D2 2"]),
        ],
    )  # fmt: skip
    def test_rankings_are_read_with_and_without_header_rows(
        self, tmp_path: Path, queries: list[str], corpus: list[str], qrels: list[str]
    ) -> None:
        found = read_melo(
            write(tmp_path / "q", *queries),
            write(tmp_path / "c", *corpus),
            write(tmp_path / "a", *qrels),
            None,
        )
        assert (found.queries, found.corpus) == ({"Q1": "cook"}, {"D1": "chef", "D2": "cook"})
        assert found.relevant == {"Q1": {"D2"}}

    def test_a_judgement_that_is_none_is_named_with_its_line(self, tmp_path: Path) -> None:
        corpus = write(tmp_path / "c", "D1\tchef")
        with pytest.raises(BadInputError, match="Line 2"):
            read_melo(corpus, corpus, write(tmp_path / "a", "Q1\t0\tD1\t1", "Q1\tnothing"), None)


class TestRuns:
    def test_the_format_is_seen_from_the_files(self, tmp_path: Path, taxonomy: Path) -> None:
        rows = [f"you will {name},{name}" for name in SKILLS]
        path = write(tmp_path / "q.csv", "sentence,label", *rows)
        found = run(["--queries", str(path), "--taxonomy", str(taxonomy)], encode)
        assert "decorte" in found.protocol

    def test_sentences_are_ranked_against_the_taxonomy(self, tmp_path: Path, taxonomy: Path) -> None:
        rows = [f"you will {name},{name}" for name in SKILLS]
        path = write(tmp_path / "q.csv", "sentence,label", *rows, "you will fly,fly planes")
        found = run(["--format", "decorte", "--queries", str(path), "--taxonomy", str(taxonomy)], encode)
        assert found.n["texts"] == 12
        assert found.metrics["rp@5"].value > 0.9
        assert found.diagnostics["unknown_labels"] == 1

    def test_titles_are_judged_row_by_row_by_identifier(self, tmp_path: Path, taxonomy: Path) -> None:
        rows = [f"{place},{name}r,o{place}" for place, name in enumerate(SKILLS)]
        path = write(tmp_path / "t.csv", ",vacancyTitle,conceptUri", *rows, *rows[:2])
        found = run(["--format", "jobbert", "--queries", str(path), "--taxonomy", str(taxonomy)], encode)
        assert found.n["texts"] == 14
        assert (found.metrics["mrr"].value, found.metrics["r@1"].value) == (1.0, 1.0)

    def test_surface_forms_are_ranked_one_by_one_and_concepts_beside(self, tmp_path: Path) -> None:
        forms = [f"D{place}\t{name}" for place, name in enumerate(SKILLS)]
        found = run(
            ["--format", "melo", "--queries", str(write(tmp_path / "q.tsv", *[f"Q{p}\t{n}" for p, n in enumerate(SKILLS)])),
             "--corpus", str(write(tmp_path / "c.tsv", *forms)),
             "--qrels", str(write(tmp_path / "a.tsv", *[f"Q{p}\t0\tD{p}\t1" for p in range(12)]))],
            encode,
        )  # fmt: skip
        assert found.metrics["map"].value == 1.0
        assert found.n == {"texts": 12, "documents": 12, "concepts": 12}

    def test_pairs_without_a_taxonomy_are_ranked_among_their_labels(self, tmp_path: Path) -> None:
        path = write(tmp_path / "p.csv", "text,label", *[f"we {name} here,{name}" for name in SKILLS])
        found = run(["--format", "pairs", "--queries", str(path)], encode)
        assert found.n["concepts"] == 12
        assert found.metrics["rp@5"].value > 0.8


@pytest.mark.real_data
def test_the_published_files_are_read_whole(real_data: Path) -> None:
    skills = real_data / "skills"
    assert (
        len(read_decorte(skills / "decorte_skill_extraction" / "tech_validation_annotations.csv").labels)
        == 75
    )
    assert (
        len(read_decorte(skills / "decorte_skill_extraction" / "house_validation_annotations.csv").labels)
        == 61
    )
    titles = read_jobbert(skills / "jobbert_title_normalisation" / "titles_validation.csv.gz")
    assert sum(titles.weights.values()) == 15_463
    melo = skills / "melo_benchmark"
    names = [
        melo / f"esp_q_es_c_en__{part}"
        for part in ("queries.tsv", "corpus_elements.tsv.gz", "annotations.tsv.gz", "concept_mapping.tsv.gz")
    ]
    found = read_melo(*names)
    assert (len(found.queries), len(found.corpus), sum(map(len, found.relevant.values()))) == (
        1_580,
        33_580,
        19_159,
    )
