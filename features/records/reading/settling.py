"""Compare waiting rows with each other and with the stored ones, in sets; the few that meet are settled one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from features.records.reading.problems import Problem, Problems, shown
from features.records.reading.sets import alike, has_rows, same
from features.records.reading.staging import CHANGED, KNOWN, NEW, StagedTable, Staging
from features.records.reading.versions import Decision, Version, settle
from features.records.schema import METADATA

FETCH_ROWS = 10_000
DECIDED = sa.Table(
    "decided",
    sa.MetaData(),
    sa.Column("staged_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fate", sa.SmallInteger),
    sa.Column("known_at", sa.BigInteger),
    prefixes=["TEMPORARY"],
)


class Settler:
    """Decides which waiting rows of one table are new.

    Parameters
    ----------
    staging : Staging
        Where they wait.
    staged : StagedTable
        The table.
    problems : Problems
        Where contradictions go.
    imported_at : int
        Microseconds since 1970.
    """

    def __init__(self, staging: Staging, staged: StagedTable, problems: Problems, imported_at: int) -> None:
        self.staging, self.staged, self.problems, self.imported_at = staging, staged, problems, imported_at
        self.connection = staging.connection
        self.waiting, self.stored = staged.sql, METADATA.tables[staged.table.name]
        self.meets_stored = False

    def settle(self) -> None:
        """Mark what is known already, and give corrections the moment from which they are known."""
        self.meets_stored = has_rows(self.connection, self.stored)
        if self.meets_stored:
            self.leave_out_what_stands()
        met = self.groups_that_meet()
        if has_rows(self.connection, met):
            self.decide(met)
        met.drop(self.connection)

    def leave_out_what_stands(self) -> None:
        """Mark waiting rows that say exactly what is stored."""
        waiting, stored, staged = self.waiting, self.stored, self.staged
        is_same = same(waiting, stored, staged.group)
        if not staged.is_fact:
            values = sa.true() if staged.keep_existing else alike(waiting, stored, staged.compared)
            self.mark_known(sa.exists().where(is_same, values))
            return
        equal = sa.and_(is_same, alike(waiting, stored, staged.compared))
        at_once = sa.exists().where(equal, stored.c.known_at == waiting.c.known_at)
        self.mark_known(sa.and_(~waiting.c.is_derived, at_once))
        later = stored.alias("later")
        is_latest = ~sa.exists().where(
            same(later, stored, staged.group), later.c.known_at > stored.c.known_at
        )
        self.mark_known(sa.and_(waiting.c.is_derived, sa.exists().where(equal, is_latest)))

    def mark_known(self, condition: sa.ColumnElement[bool]) -> None:
        """Mark the waiting rows for which the condition holds."""
        self.connection.execute(sa.update(self.waiting).values(fate=KNOWN).where(condition))

    def groups_that_meet(self) -> sa.Table:
        """Return a temporary table of what more than one row, waiting or stored, is about."""
        waiting, group = self.waiting, self.staged.group
        met = sa.Table(
            f"met_{self.staged.table.name}",
            sa.MetaData(),
            *(sa.Column(name, waiting.c[name].type) for name in group),
            prefixes=["TEMPORARY"],
        )
        met.create(self.connection)
        columns = [waiting.c[name] for name in group]
        found: Any = sa.select(*columns).group_by(*columns).having(sa.func.count() > 1)
        if self.staged.is_fact and self.meets_stored:
            stands = sa.exists().where(same(waiting, self.stored, group))
            found = sa.union(found, sa.select(*columns).where(waiting.c.fate == NEW, stands))
        self.connection.execute(sa.insert(met).from_select(list(group), found))
        return met

    def decide(self, met: sa.Table) -> None:
        """Settle the rows that meet, and write down what becomes of them."""
        DECIDED.create(self.connection)
        conflicts: list[tuple[int, int]] = []
        rows = self.decided_rows(met, conflicts)
        while block := list(itertools.islice(rows, FETCH_ROWS)):
            self.connection.execute(sa.insert(DECIDED), block)
        self.report(conflicts)
        waiting = self.waiting
        values: dict[str, Any] = {"fate": DECIDED.c.fate}
        if self.staged.is_fact:
            values["known_at"] = sa.func.coalesce(DECIDED.c.known_at, waiting.c.known_at)
        self.connection.execute(
            sa.update(waiting).values(values).where(waiting.c.staged_no == DECIDED.c.staged_no)
        )
        DECIDED.drop(self.connection)

    def decided_rows(
        self, met: sa.Table, conflicts: list[tuple[int, int]]
    ) -> Iterator[dict[str, int | None]]:
        """Yield what becomes of each waiting row that meets another one; gather contradictions."""
        for rows in self.groups(met):
            for decision in self.settle_group(rows):
                if decision.conflict is not None and self.staged.repeats == "refuse":
                    conflicts.append((decision.staged_no, decision.conflict))
                known_at = decision.known_at
                fate = KNOWN if known_at is None else CHANGED
                yield {"staged_no": decision.staged_no, "fate": fate, "known_at": known_at}

    def groups(self, met: sa.Table) -> Iterator[list[Any]]:
        """Yield the waiting and stored rows of each group that meets, group by group."""
        group, staged = self.staged.group, self.staged
        names = [*group, *(["known_at"] if staged.is_fact else []), *staged.compared]
        waiting = sa.select(
            *(self.waiting.c[name] for name in names),
            self.waiting.c.staged_no, self.waiting.c.is_derived, self.waiting.c.fate,
        ).where(same(self.waiting, met, group))  # fmt: skip
        both: Any = waiting
        if staged.is_fact and self.meets_stored:
            stored = sa.select(
                *(self.stored.c[name] for name in names),
                sa.null().cast(sa.Integer).label("staged_no"), sa.false().label("is_derived"),
                sa.literal(KNOWN).label("fate"),
            ).where(same(self.stored, met, group))  # fmt: skip
            both = sa.union_all(waiting, stored)
        query = both.order_by(*(sa.text(str(place + 1)) for place in range(len(group))))
        result = self.connection.execute(query, execution_options={"yield_per": FETCH_ROWS})
        for _, rows in itertools.groupby(result, key=lambda row: tuple(row[: len(group)])):
            yield list(rows)

    def settle_group(self, rows: Sequence[Any]) -> list[Decision]:
        """Decide about the waiting rows of one group."""
        width = len(self.staged.group)
        if not self.staged.is_fact:
            return first_of_each(rows, width)
        versions = [
            Version(row[width], tuple(row[width + 1 : -3]), row.staged_no, bool(row.is_derived))
            for row in rows
        ]
        stored = [version for version in versions if version.staged_no is None]
        waiting = [version for version in versions if version.staged_no is not None]
        return settle(stored, waiting, self.imported_at)

    def report(self, conflicts: Sequence[tuple[int, int]]) -> None:
        """Gather rows of one import that contradict each other."""
        for later, earlier in conflicts[:20]:
            row, other = self.waiting_row(later), self.waiting_row(earlier)
            found = ", ".join(
                f"{self.staged.file_label(name)} {shown(row[name])}" for name in self.staged.table.key
            )
            self.problems.add(Problem(
                self.staging.files[row["file_no"]], "the same row comes twice with different values", row["file_line"],
                found=found, hint=f"The other one is on line {other['file_line']} of {self.staging.files[other['file_no']]}.",
            ))  # fmt: skip

    def waiting_row(self, number: int) -> Any:
        """Return one waiting row."""
        query = sa.select(self.waiting).where(self.waiting.c.staged_no == number)
        return self.connection.execute(query).mappings().one()


def first_of_each(rows: Iterable[Any], width: int) -> list[Decision]:
    """Keep the first of the rows about one thing; the others say the same, or contradict it."""
    first, *others = sorted(rows, key=lambda row: row.staged_no)
    says = tuple(first[width:-3])
    return [
        Decision(row.staged_no, conflict=None if tuple(row[width:-3]) == says else first.staged_no)
        for row in others
    ]
