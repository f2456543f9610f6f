"""Hands notebooks out to a class and grades what comes back, with nbgrader.

A class has a folder as nbgrader lays it out: ``source/`` with solutions, ``release/`` to hand out, ``submitted/STUDENT/
NOTEBOOK/NOTEBOOK.ipynb`` as it came back, ``autograded/``, and ``gradebook.db``. Each notebook is an assignment.
"""

import csv
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import nbformat
from nbformat import NotebookNode
from nbformat.reader import NotJSONError
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from tqdm import tqdm
from traitlets.config import Config

from fcn_course.authoring import read_source
from fcn_course.plots import grade_map


@dataclass(frozen=True)
class Graded:
    """The files that grading wrote, and one sentence for each submission that could not be graded."""

    table: Path
    picture: Path
    problems: list[str]


def release(source: Path, notebooks: Path, folder: Path) -> Path:
    """Make one notebook an assignment of the class in ``folder``; gives the notebook to hand out, without solutions.

    A release of the same notebook is replaced; what was handed in and graded stays. Raises ValueError when nbgrader
    refuses, as it does when exercises were added to or taken from a notebook that has been graded.
    """
    name = source.stem
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")  # solutions, names and grades
    for stage in ("source", "release"):
        shutil.rmtree(folder / stage / name, ignore_errors=True)
    (folder / "source" / name).mkdir(parents=True)
    nbformat.write(read_source(source), folder / "source" / name / f"{name}.ipynb")
    shutil.copytree(notebooks / "images", folder / "source" / name / "images")
    outcome = _nbgrader(folder).generate_assignment(name, force=True, create=True)
    if not outcome["success"]:
        raise ValueError(
            f"nbgrader could not release {name} into {folder}: where it has been graded with other exercises, "
            f"release it into a new folder ({_last_line(outcome)})"
        )
    return folder / "release" / name / f"{name}.ipynb"


def grade(folder: Path, names: Sequence[str] = (), cell_timeout: int = 300) -> Graded:
    """Grade what was handed in of the notebooks whose names begin with one of ``names``, or of all.

    A submission that cannot be graded is named with what is wrong, and the others are graded. Raises
    FileNotFoundError where there is no class, or nothing handed in.
    """
    assignments = sorted(path.name for path in (folder / "source").glob("*/") if _chosen(path.name, names))
    if not assignments:
        raise FileNotFoundError(f"{folder} holds no released notebook: begin with: fcn-course release {folder}")
    submissions = [
        (student.name, name)
        for name in assignments
        for student in sorted((folder / "submitted").glob("*/"))
        if (student / name).is_dir()
    ]
    if not submissions:
        raise FileNotFoundError(
            f"nothing was handed in: put notebooks into {folder}/submitted/STUDENT/{assignments[0]}/"
        )
    nbgrader = _nbgrader(folder, cell_timeout)
    problems = []
    for student, name in tqdm(submissions, desc="grading", unit="notebook"):
        if problem := flaw(folder, student, name) or _autograde(nbgrader, student, name):
            problems.append(f"{student}, {folder / 'submitted' / student / name / name}.ipynb: {problem}")
    table, picture = folder / "grades.csv", folder / "grades.png"
    _write_grades(folder, sorted(path.name for path in (folder / "source").glob("*/")), table, picture)
    return Graded(table, picture, problems)


def flaw(folder: Path, student: str, name: str) -> str:
    """What would stop nbgrader at a submission, and what to do about it, in one sentence; nothing where all is well."""
    submitted = folder / "submitted" / student / name
    path = submitted / f"{name}.ipynb"
    if not path.is_file():
        others = ", ".join(sorted(other.name for other in submitted.glob("*.ipynb"))) or "no notebook"
        return f"there is no such file, but {others}; give the notebook its name back"
    try:
        handed_in = nbformat.read(path, as_version=4)
    except (NotJSONError, nbformat.ValidationError, UnicodeDecodeError, AttributeError, KeyError) as error:
        return f"it is no notebook any more ({type(error).__name__}); ask for it once more"
    wanted = _graded_cells(nbformat.read(folder / "source" / name / f"{name}.ipynb", as_version=4))
    found = _graded_cells(handed_in)
    if double := sorted(cell for cell, count in found.items() if count > 1):
        return f"cell {double[0]} is there {found[double[0]]} times; delete the copies"
    if missing := sorted(wanted.keys() - found.keys()):
        return f"cell {missing[0]} is missing; paste its answers into a clean notebook"
    return ""


def _graded_cells(notebook: NotebookNode) -> Counter[str]:
    return Counter(cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata)


def _autograde(nbgrader: NbGraderAPI, student: str, name: str) -> str:
    """Grade one submission; gives what went wrong, if anything."""
    # What students solved is not what the instructor solved.
    with tempfile.TemporaryDirectory() as elsewhere, patch.dict(os.environ, FCN_COURSE_PROGRESS=f"{elsewhere}/diary"):
        outcome = nbgrader.autograde(name, student, force=True, create=True)
    return "" if outcome["success"] else _last_line(outcome)


def _nbgrader(folder: Path, cell_timeout: int = 300) -> NbGraderAPI:
    config = Config()
    config.CourseDirectory.root = str(folder.resolve())
    config.CourseDirectory.course_id = "fcn_course"
    config.ClearSolutions.code_stub = {"python": "..."}
    config.Execute.timeout = cell_timeout
    config.Execute.extra_arguments = ["--log-level=ERROR"]
    # A student's progress bar or warning is no news to the instructor.
    config.Application.log_level = "CRITICAL"
    return NbGraderAPI(config=config)


def _last_line(outcome: dict[str, str]) -> str:
    words = (outcome.get("error") or outcome.get("log") or "no reason given").strip()
    return words.splitlines()[-1]


def _write_grades(folder: Path, assignments: Sequence[str], table: Path, picture: Path) -> None:
    """A table with one line for each student and one column for each exercise, and a picture of the same."""
    points: dict[str, dict[str, float]] = {}
    worth: dict[str, float] = {}
    with Gradebook(f"sqlite:///{folder.resolve()}/gradebook.db", course_id="fcn_course") as gradebook:
        for name in assignments:
            if name not in {assignment.name for assignment in gradebook.assignments}:
                continue
            for submission in gradebook.assignment_submissions(name):
                for notebook in submission.notebooks:
                    for earned in notebook.grades:
                        exercise = earned.cell.name.removeprefix("check-").replace("-", ".", 1)
                        worth[exercise] = earned.max_score
                        points.setdefault(submission.student.id, {})[exercise] = earned.score
    for student in sorted(path.name for path in (folder / "submitted").glob("*/")):
        points.setdefault(student, {})
    exercises = sorted(worth, key=lambda identity: [int(part) for part in identity.split(".")])
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["student", *exercises, "total"])
        rows.writerow(["points", *(f"{worth[e]:g}" for e in exercises), f"{sum(worth.values()):g}"])
        for student in sorted(points):
            got = points[student]
            cells = [f"{got[e]:.4g}" if e in got else "" for e in exercises]
            rows.writerow([student, *cells, f"{sum(got.values()):.4g}"])
    shares = [[points[s].get(e, float("nan")) / worth[e] for e in exercises] for s in sorted(points)]
    grade_map(shares, sorted(points), exercises).savefig(picture)


def _chosen(name: str, names: Sequence[str]) -> bool:
    return not names or any(name.startswith(beginning) for beginning in names)
