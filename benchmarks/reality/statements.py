"""Step 6: statements of two learning platforms: accepted or put aside with a reason, none lost."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.reality.proof import DATA, VAR, Fact, equal, run
from features.records.reading.quarantine import replay_quarantine
from features.records.store import Store, open_store

FILES = ("moodle_logstore_xapi.ndjson", "openedx_xapi.ndjson")
HIRED = "2000-01-01"


def prove() -> Iterator[Fact]:
    """Import both files as a new customer would: first nobody is known, then people and courses are."""
    lines = {name: statements(DATA / "learning_events" / name) for name in FILES}
    for name, found in lines.items():
        answer = run("import", "xapi", DATA / "learning_events" / name).answer
        yield equal(f"{name}: kept, twice or put aside", total(answer), len(found))
    store = open_store(f"sqlite:///{VAR / 'skillpath.db'}")
    before, events = len(put_aside(store)), store.count("learning_events")
    introduce(
        [statement for found in lines.values() for statement in found]
    )  # what waited is taken in with them
    after, understood = put_aside(store), store.count("learning_events") - events
    yield Fact("understood once people and courses are known", f"{understood:,} of {before:,}")
    yield equal("understood + still put aside", understood + len(after), before)
    yield equal("left to be understood by another look", replay_quarantine(store).accepted, 0)
    kinds = Counter(store.frame("learning_events", ("kind",))["kind"].to_list())
    yield Fact("learning events", ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))
    for reason, count in Counter(reason.split(":")[0] for reason in after).most_common():
        yield Fact(f"put aside: {reason[:70]}", f"{count:,}")
    yield Fact("every statement put aside has a reason", str(all(after)), "True", all(after))
    store.close()


def put_aside(store: Store) -> list[str]:
    """Return the reasons for which statements of the two files wait in quarantine."""
    kept = store.frame("quarantine", ("source", "reason"))
    return [reason for source, reason in kept.rows() if any(name in source for name in FILES)]


def total(answer: dict[str, int]) -> int:
    """Return how many statements an import accounts for."""
    return sum(answer[name] for name in ("accepted", "duplicates", "quarantined", "rejected"))


def statements(path: Path) -> list[dict[str, object]]:
    """Return the statements of a file; a line may hold an array of them, or an empty one."""
    found: list[dict[str, object]] = []
    for line in path.read_text().splitlines():
        if line.strip():
            value = json.loads(line)
            found.extend(value if isinstance(value, list) else [value])
    return found


def introduce(found: list[dict[str, object]]) -> None:
    """Import the people and courses that the statements speak of, from files written for it."""
    people = {actor_id(statement.get("actor")) for statement in found} - {""}
    courses = {str(one["id"]) for one in map(activity, found) if one.get("id")}
    write(
        VAR / "people.csv", ("employee_id", "spell", "hired_at"), [(one, 1, HIRED) for one in sorted(people)]
    )
    write(VAR / "courses.csv", ("course_id", "title"), [(one, one) for one in sorted(courses)])
    run("import", "employees", VAR / "people.csv")
    run("import", "courses", VAR / "courses.csv")


def activity(statement: dict[str, object]) -> dict[str, object]:
    """Return the object of a statement, where it is one."""
    found = statement.get("object")
    return found if isinstance(found, dict) else {}


def actor_id(actor: object) -> str:
    """Return the identifier of an actor as an administrator would map it: account name, mail or openid."""
    if not isinstance(actor, dict):
        return ""
    account = actor.get("account")
    name = account.get("name") if isinstance(account, dict) else actor.get("mbox") or actor.get("openid")
    return str(name or "")


def write(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
