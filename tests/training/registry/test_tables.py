"""Plain tables are read as people have them, or refused with what was found."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from features.errors import BadInputError
from training.tables import data_digest_of_table, read_table

FRAME = pd.DataFrame({"name": ["Ada", "Bö"], "pay": [1234.5, 99.25]})


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "content", "why"),
        [
            ("empty.csv", b"", "is empty"),
            ("head.csv", b"a,b\n", "no rows"),
            ("table.pkl", b"x", "unknown kind"),
            ("table", b"x", "unknown kind"),
            ("cut.csv.gz", gzip.compress(b"a,b\n1,2\n" * 100, mtime=0)[:-12], "damaged"),
            ("not.parquet", b"PAR1 but no more", "cannot be read"),
            ("not.xlsx", b"PK\x03\x04 but no more", "cannot be read"),
            ("not.dta", b"nothing of Stata", "cannot be read"),
            ("wide.csv", b"a,b\n1,2\n1,2,3,4\n", "cannot be read"),
            ("zero.csv", b"a,b\n1,\x00\n", "zero bytes"),
        ],
    )
    def test_a_file_that_is_no_table_is_refused_by_name(
        self, tmp_path: Path, name: str, content: bytes, why: str
    ) -> None:
        with pytest.raises(BadInputError, match=why):
            read_table(written(tmp_path, name, content))

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="not there"):
            read_table(tmp_path / "none.csv")

    def test_a_wrong_encoding_is_refused_with_a_hint(self, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="--encoding"):
            read_table(written(tmp_path, "t.csv", "name\nBö\n".encode("latin-1")), encoding="utf-8")

    def test_an_encoding_that_does_not_exist_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="no such encoding"):
            read_table(written(tmp_path, "t.csv", b"a\n1\n"), encoding="klingon")


class TestReading:
    @pytest.mark.parametrize(
        ("name", "text", "encoding"),
        [
            ("comma.csv", "name,pay\nAda,1234.5\nBö,99.25\n", "utf-8"),
            ("bom.csv", "name,pay\r\nAda,1234.5\r\nBö,99.25\r\n", "utf-8-sig"),
            ("german.csv", "name;pay\nAda;1.234,5\nBö;99,25\n", "cp1252"),
            ("tabs.tsv", "name\tpay\nAda\t1234.5\nBö\t99.25\n", "utf-8"),
            ("blanks.txt", "name pay\nAda 1234.5\nBö   99.25\n", "utf-8"),
            ("tabs.txt", "name\tpay\nAda\t1234.5\nBö\t99.25\n", "utf-8"),
            ("quoted.csv", '"name","pay"\n"Ada","1234.5"\n"Bö","99.25"\n', "utf-8"),
            ("pipes.csv", " name |pay\nAda|1234.5\nBö|99.25\n", "utf-8"),
        ],
    )
    def test_one_table_in_many_spellings_reads_alike(
        self, tmp_path: Path, name: str, text: str, encoding: str
    ) -> None:
        plain = read_table(written(tmp_path, name, text.encode(encoding)))
        packed = read_table(written(tmp_path, f"{name}.gz", gzip.compress(text.encode(encoding))))
        pd.testing.assert_frame_equal(plain, FRAME, check_dtype=False)
        pd.testing.assert_frame_equal(packed, plain)

    def test_commas_inside_quotes_do_not_make_columns(self, tmp_path: Path) -> None:
        text = 'title;words\n"a, b, c";x\n"d, e, f";y\n'
        assert list(read_table(written(tmp_path, "t.csv", text.encode())).columns) == ["title", "words"]

    def test_a_table_without_header_gets_numbers_as_names(self, tmp_path: Path) -> None:
        found = read_table(written(tmp_path, "t.txt", b"1 2\n3 4\n"), header=False)
        assert (list(found.columns), found.shape) == (["0", "1"], (2, 2))

    @pytest.mark.parametrize("name", ["t.parquet", "t.dta", "t.xlsx"])
    def test_binary_tables_read_as_they_were_written(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        writers = {"t.parquet": FRAME.to_parquet, "t.xlsx": FRAME.to_excel}
        options = {"version": 118, "write_index": False} if name == "t.dta" else {"index": False}
        writers.get(name, FRAME.to_stata)(path, **options)
        pd.testing.assert_frame_equal(read_table(path), FRAME, check_dtype=False)


class TestDigests:
    def test_the_digest_does_not_depend_on_the_order_of_rows_and_columns(self) -> None:
        assert data_digest_of_table(FRAME) == data_digest_of_table(FRAME.iloc[::-1][["pay", "name"]])

    def test_the_digest_changes_with_any_value(self) -> None:
        assert data_digest_of_table(FRAME) != data_digest_of_table(FRAME.assign(pay=[1234.5, 99.26]))
