"""Payloads are plain, safe to name, and the same bytes every time."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.errors import BadInputError, UnavailableError
from training.loading import golden_difference, largest_difference, load_scorer
from training.payload import (
    Payload,
    digest_of,
    file_digests,
    json_bytes,
    npz_bytes,
    payload_digest,
    write_payload,
)

SCORER = Path(__file__).parent / "toy" / "scorer.py"


class TestRefusals:
    @pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "code.py", "data.bin", "weights"])
    def test_a_payload_holds_plain_files_only(self, payload: Payload, tmp_path: Path, name: str) -> None:
        with pytest.raises(BadInputError, match="plain files only"):
            write_payload(replace(payload, files={name: b"x"}), tmp_path / "p", scorer=SCORER)

    @pytest.mark.parametrize(
        "name", ["../out.json", "/etc/out.json", "a/../../out.json", "golden.npz", "a\\b.json"]
    )
    def test_no_file_name_leaves_the_folder_or_takes_a_reserved_place(
        self, payload: Payload, tmp_path: Path, name: str
    ) -> None:
        with pytest.raises(BadInputError, match="impossible name"):
            write_payload(replace(payload, files={name: b"{}"}), tmp_path / "p", scorer=SCORER)

    def test_a_folder_that_holds_something_is_not_written_into(
        self, payload: Payload, tmp_path: Path
    ) -> None:
        (tmp_path / "left.json").write_text("{}")
        with pytest.raises(BadInputError, match="empty folder"):
            write_payload(payload, tmp_path, scorer=SCORER)

    def test_python_objects_cannot_be_written_as_arrays(self) -> None:
        with pytest.raises(ValueError, match="allow_pickle"):
            npz_bytes({"objects": np.array([{"a": 1}], dtype=object)})

    def test_json_refuses_what_is_not_a_number(self) -> None:
        with pytest.raises(ValueError, match="not JSON compliant"):
            json_bytes({"value": float("nan")})

    def test_a_link_in_a_payload_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text("{}")
        (tmp_path / "b.json").symlink_to(tmp_path / "a.json")
        with pytest.raises(BadInputError, match="files only"):
            file_digests(tmp_path)

    def test_a_folder_without_scorer_is_no_payload(self, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError, match="no scorer"):
            load_scorer(tmp_path)


class TestWriting:
    def test_the_same_payload_gives_the_same_digest_twice(self, payload: Payload, tmp_path: Path) -> None:
        first = write_payload(payload, tmp_path / "a", scorer=SCORER)
        assert (
            first == write_payload(payload, tmp_path / "b", scorer=SCORER) == payload_digest(tmp_path / "b")
        )

    def test_loading_leaves_no_byte_code_behind(self, payload: Payload, tmp_path: Path) -> None:
        digest = write_payload(payload, tmp_path / "p", scorer=SCORER)
        load_scorer(tmp_path / "p")
        assert payload_digest(tmp_path / "p") == digest
        assert not list((tmp_path / "p").rglob("__pycache__"))

    def test_the_golden_answer_was_given_by_the_written_scorer(
        self, payload: Payload, tmp_path: Path
    ) -> None:
        write_payload(payload, tmp_path / "p", scorer=SCORER)
        assert golden_difference(tmp_path / "p") == 0.0

    def test_arrays_give_the_same_bytes_whatever_their_order_in_the_mapping(self) -> None:
        a, b = np.arange(3.0), np.array(["ä", "b"])
        assert npz_bytes({"a": a, "b": b}) == npz_bytes({"b": b, "a": a[::1].copy()})

    def test_arrays_survive_writing_and_reading(self, tmp_path: Path) -> None:
        path = tmp_path / "x.npz"
        arrays = {
            "f": np.eye(2, dtype=np.float32),
            "s": np.array(["ä"]),
            "n": np.array(3),
            "t": np.eye(3)[:, ::2],
        }
        path.write_bytes(npz_bytes(arrays))
        with np.load(path, allow_pickle=False) as found:
            assert set(found.files) == set(arrays)
            for name, array in arrays.items():
                np.testing.assert_array_equal(found[name], array)

    def test_the_payload_digest_is_the_hash_of_sorted_lines(self, tmp_path: Path) -> None:
        (tmp_path / "b.json").write_bytes(b"{}")
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "c.txt").write_bytes(b"tree")
        one, two = hashlib.sha256(b"tree").hexdigest(), hashlib.sha256(b"{}").hexdigest()
        by_hand = hashlib.sha256(f"a/c.txt\0{one}\nb.json\0{two}\n".encode()).hexdigest()
        assert payload_digest(tmp_path) == by_hand == digest_of({"b.json": two, "a/c.txt": one})

    def test_json_is_canonical(self) -> None:
        assert (
            json_bytes({"b": np.float64(0.5), "a": np.array([1, 2]), "ä": None})
            == '{"a":[1,2],"b":0.5,"ä":null}'.encode()
        )


class TestDifferences:
    @pytest.mark.parametrize(
        ("found", "expected", "difference"),
        [
            ([1.0, 2.0], [1.0, 2.5], 0.5),
            ([float("nan")], [float("nan")], 0.0),
            ([float("nan")], [1.0], float("inf")),
            ([float("inf")], [float("inf")], 0.0),
            ([1.0], [1.0, 1.0], float("inf")),
            (["a"], ["a"], 0.0),
            (["a"], ["b"], float("inf")),
        ],
    )
    def test_the_largest_difference_by_hand(self, found: list, expected: list, difference: float) -> None:
        assert largest_difference(np.array(found), np.array(expected)) == difference
