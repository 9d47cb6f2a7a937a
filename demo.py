"""The whole way on a sample organisation, by the same commands a customer uses; then the answers, served.

Run it by `make demo` (or `make demo ONCE=1`, which stops after printing). Every step that stands is reused.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

EMPLOYEES = int(os.environ.get("DEMO_EMPLOYEES", "2000"))
YEARS, SEED = 3, 7
VAR = Path(os.environ.get("SKILLPATH_VAR", "var"))
HOST, PORT = "127.0.0.1", int(os.environ.get("SKILLPATH_PORT", "8000"))
SCOPES = "recommendations:read skills:read attrition:read impact:read records:write events:write"
READY_WITHIN_SECONDS = 60
SHOWN = 10
OUTCOME = "productivity"
LADDER = ("randomised_evidence", "credible", "suggestive", "cannot_tell")

PICTURE = "--picture"  # keep what is printed as an SVG too, the long table shortened

console = Console(width=None if sys.stdout.isatty() else 170, record=PICTURE in sys.argv)


@dataclass(frozen=True)
class Step:
    """One command of the way, and what it is called for a person."""

    name: str
    arguments: tuple[str, ...]


def steps() -> list[Step]:
    """Return the way from nothing to kept scores."""
    folder = str(VAR / "sample")
    size = ("--employees", str(EMPLOYEES), "--years", str(YEARS), "--seed", str(SEED))
    return [
        Step("sample", ("sample", *size, "--out", folder)),
        Step("import", ("import", "organisation", folder)),
        Step("embed", ("embed",)),
        Step("train and promote", ("train", "all", "--promote")),
        Step("score", ("score", "all")),
    ]


def command(*arguments: str) -> list[str]:
    """Return the command line of one skillpath call in this environment."""
    return [sys.executable, "-m", "skillpath", *arguments]


def walk(way: list[Step]) -> None:
    """Run the steps that do not stand yet; a finished step is noted only after it succeeded."""
    notes = VAR / "demo" / "steps.json"
    done: dict[str, Any] = json.loads(notes.read_text()) if notes.is_file() else {}
    key = f"{EMPLOYEES} employees, {YEARS} years, seed {SEED}"
    for step in way:
        if done.get(step.name) == key:
            console.print(f"[dim]{step.name}: stands from an earlier run[/dim]")
            continue
        console.print(f"[bold]{step.name}[/bold]  skillpath {' '.join(step.arguments)}")
        started = time.perf_counter()
        subprocess.run(command(*step.arguments), check=True)
        console.print(f"[dim]{step.name}: {time.perf_counter() - started:.1f} s[/dim]")
        done[step.name] = key
        write_private(notes, json.dumps(done))


@contextmanager
def encoder_begun() -> Iterator[None]:
    """Export the encoder, which needs no records, while a block reads some; `skillpath embed` then finds it there."""
    if (VAR / "encoder").is_dir():
        yield
        return
    nobody = {**os.environ, "SKILLPATH_STORE_URL": "sqlite://"}  # records in memory: none
    process = subprocess.Popen(
        command("embed"), env=nobody, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.wait()  # whatever went wrong there is told by the step that embeds


def write_private(path: Path, text: str) -> None:
    """Write a file whole, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(text)
    part.replace(path)


def api_key() -> str:
    """Return the demo's API key, made at the first run."""
    kept = VAR / "demo" / "key"
    if not kept.is_file():
        made = subprocess.run(
            command("keys", "create", "demo", "--scopes", SCOPES, "--json"),
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        write_private(kept, json.loads(made.stdout)["key"])
    return kept.read_text()


@contextmanager
def service() -> Iterator[subprocess.Popen[bytes]]:
    """Start the service, wait until it is ready, and stop it gently afterwards."""
    arguments = command("serve", "--host", HOST, "--port", str(PORT))
    with (VAR / "demo" / "service.log").open("wb") as log:
        process = subprocess.Popen(arguments, start_new_session=True, stdout=log, stderr=log)
    try:
        wait_until_ready(process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    """Return once the service says that it is ready; stop the demo if it cannot be."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"the service stopped with exit code {process.returncode}; see {VAR}/demo/service.log")
        try:
            urllib.request.urlopen(f"http://{HOST}:{PORT}/health/ready", timeout=2)
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    sys.exit(f"the service was not ready within {READY_WITHIN_SECONDS} s")


def asker(key: str) -> Callable[..., Any]:
    """Return a function that asks the service and returns the parsed answer."""

    def ask(path: str, **parameters: object) -> Any:
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        headers = {"Authorization": f"Bearer {key}", "Purpose": "workforce_planning"}
        request = urllib.request.Request(f"http://{HOST}:{PORT}{path}{query}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    return ask


def chosen_employee(folder: Path) -> str:
    """Return a person worth looking at: still employed at the end of the data, with several completions."""
    import polars as pl

    events = pl.read_csv(folder / "learning_events.csv", columns=["employee_id", "kind"])
    gone = pl.read_csv(folder / "exits.csv", columns=["employee_id"])["employee_id"].unique()
    counts = events.filter(pl.col("kind") == "completed").group_by("employee_id").len()
    here = counts.filter(~pl.col("employee_id").is_in(gone.to_list()))
    return str(here.sort("len", "employee_id", descending=[True, False])["employee_id"][0])


def heading(text: str) -> None:
    """Print the question that the next table answers."""
    console.print()
    console.rule(f"[bold]{text}", align="left")


def table(*columns: str) -> Table:
    """Return an empty table whose numbers are aligned to the right."""
    made = Table(show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column.strip(">"), justify="right" if column.startswith(">") else "left")
    return made


def percent(share: float) -> str:
    """Return a share as a percentage for a person."""
    return f"{100 * share:.0f} %"


def show_employee(ask: Callable[..., Any], employee_id: str) -> None:
    """Print one person's gaps, recommendations with reasons, and learning path."""
    gaps = ask(f"/v1/employees/{employee_id}/skill-gaps")
    heading(
        f"What is missing? {employee_id} as {gaps['job']}: {percent(gaps['met_share'])} of the job is met"
    )
    shown = table("skill", ">required", ">held", ">gap", ">importance", "evidence")
    for gap in gaps["gaps"][:SHOWN]:
        evidence = gap["evidence"]
        words = f"{evidence['source']}, {evidence['age_days']} days old" if evidence else "none"
        numbers = (f"{gap[name]:.1f}" for name in ("required_level", "held_level", "gap"))
        shown.add_row(gap["skill"], *numbers, percent(gap["importance"]), words)
    console.print(shown)

    answer = ask(f"/v1/employees/{employee_id}/recommendations", n=SHOWN)
    heading("What to learn next, and why?")
    shown = table(">", "course", ">hours", ">score", "reason")
    for item in answer["items"]:
        title = f"{item['title']} [bold](mandatory)[/bold]" if item["mandatory"] else item["title"]
        shown.add_row(
            str(item["rank"]), title, f"{item['hours'] or 0:.0f}", f"{item['score']:.2f}", item["reason"]
        )
    console.print(shown)

    path = ask(f"/v1/employees/{employee_id}/learning-path")
    heading("In which order?")
    shown = table(">step", "course", ">hours so far", "raises")
    for number, step in enumerate(path["steps"][:SHOWN], start=1):
        raises = ", ".join(f"{s['skill']} {s['from_level']:.0f}→{s['to_level']:.0f}" for s in step["raises"])
        shown.add_row(str(number), step["title"], f"{step['hours_so_far']:.0f}", raises)
    console.print(shown)


def show_attrition(ask: Callable[..., Any]) -> None:
    """Print the ten highest exit probabilities by band, with drivers."""
    answer = ask("/v1/attrition-risks", limit=SHOWN)
    heading(f"Who may leave? The {SHOWN} highest exit probabilities (voluntary, 180 days)")
    shown = table("employee", "department", "band", ">180 days", ">interval", "drivers", "basis")
    for row in answer["items"]:
        asked = next(p for p in row["probabilities"] if p["horizon_days"] == answer["horizon_days"])
        between = "" if asked["low"] is None else f"{percent(asked['low'])} to {percent(asked['high'])}"
        drivers = "; ".join(driver["words"] for driver in row["drivers"])
        shown.add_row(row["employee_id"], row["department"], row["band"], percent(asked["value"]), between, drivers,
                      row["basis"])  # fmt: skip
    console.print(shown)
    console.print(
        "[dim]A reason to talk, never a verdict: associations in the records, not known causes.[/dim]"
    )


def show_impact(ask: Callable[..., Any], folder: Path) -> None:
    """Print the verdict on every course for the first outcome, the clearest first."""
    import polars as pl

    courses = pl.read_csv(folder / "courses.csv", columns=["course_id", "title"]).rows()
    answers = [
        (title, ask(f"/v1/courses/{course_id}/impact", outcome=OUTCOME)) for course_id, title in courses
    ]
    estimated = [(title, found) for title, found in answers if found["status"] == "estimated"]
    heading(f"Did it help? Effect of each course on {OUTCOME}: {len(estimated)} estimated, "
            f"{len(answers) - len(estimated)} refused")  # fmt: skip
    shown = table("course", ">effect", ">95 % interval", ">trained", "verdict")
    estimated.sort(key=lambda pair: (LADDER.index(pair[1]["verdict"]["code"]), -pair[1]["effect"]["value"]))
    kept = SHOWN if PICTURE in sys.argv else len(estimated)
    for title, found in estimated[:kept]:
        effect = found["effect"]
        between = f"{effect['low']:+.1f} to {effect['high']:+.1f}"
        verdict = found["verdict"]["code"].replace("_", " ")
        shown.add_row(title, f"{effect['value']:+.1f}", between, str(found["n"]["trained"]), verdict)
    console.print(shown)
    if kept < len(estimated):
        console.print(f"[dim]… and {len(estimated) - kept} more[/dim]")
    reasons = Counter(
        str(found["reason"]).split(".")[0] for _, found in answers if found["status"] == "refused"
    )
    for reason, count in reasons.most_common():
        console.print(f"[dim]{count} refused: {reason}.[/dim]")


def show_doors() -> None:
    """Print where everything is to be found."""
    heading("Where to go from here")
    mlflow = f"mlflow ui --backend-store-uri sqlite:///{VAR}/mlflow.db --host 127.0.0.1 --port 5000"
    shown = table("what", "where")
    shown.add_row("the HTTP contract", f"http://{HOST}:{PORT}/docs and http://{HOST}:{PORT}/openapi.json")
    shown.add_row("an API key for it", f"{VAR}/demo/key")
    shown.add_row("runs, models, plots", f"{os.path.relpath(Path(sys.executable).parent)}/{mlflow}")
    shown.add_row("the sample organisation", f"{VAR}/sample (the planted truth: truth.json)")
    shown.add_row("kept scores, the service's log", f"{VAR}/scores, {VAR}/demo/service.log")
    console.print(shown)


def save_picture(path: Path) -> None:
    """Keep what was printed as a picture that needs nothing from elsewhere."""
    drawn = console.export_svg(title="make demo")
    path.write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL), encoding="utf-8")


def data_end(folder: Path) -> str:
    """Return the moment at which the sample ends: the service's clock stands there."""
    return str(tomllib.loads((folder / "organisation.toml").read_text())["as_of"])


def main() -> None:
    """Walk the way, serve, print the answers, and stay until Ctrl-C (or exit at once with --once)."""
    folder, way = VAR / "sample", steps()
    with encoder_begun():
        walk(way[:1])
        os.environ.setdefault("SKILLPATH_CLOCK", data_end(folder))
        walk(way[1:2])
    walk(way[2:4])
    with ThreadPoolExecutor(1) as beside:  # scores wait for the registry half of their time
        key = beside.submit(api_key)
        walk(way[4:])
    with service():
        ask = asker(key.result())
        show_employee(ask, chosen_employee(folder))
        show_attrition(ask)
        show_impact(ask, folder)
        show_doors()
        if PICTURE in sys.argv:
            save_picture(Path("docs/answers.svg"))
        if "--once" not in sys.argv[1:]:
            console.print(f"\nServing on http://{HOST}:{PORT} until Ctrl-C.")
            signal.pause()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        console.print("\nStopped; what stands is reused by the next run.")
    except subprocess.CalledProcessError as failed:
        sys.exit(f"the step stopped with exit code {failed.returncode}: {' '.join(failed.cmd[2:])}")
