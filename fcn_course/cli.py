"""The command `fcn-course`. Modules are imported inside the commands, so that `--help` answers at once."""

import subprocess
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup


class PlainErrors(TyperGroup):
    """Shows what this package raises as one line, and leaves the traceback to real bugs."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Runs the command; exits with 1 where it raised an error that is meant for the user."""
        try:
            return super().invoke(ctx)
        except (ValueError, TypeError, FileNotFoundError) as error:
            raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
            if Path(__file__).parent not in raised_in.parents and not isinstance(error, FileNotFoundError):
                raise
            typer.echo(f"fcn-course: {error}", err=True)
            raise typer.Exit(1) from error


class Profile(StrEnum):
    """The data a command works on."""

    mini = "mini"
    voc2012 = "voc2012"


app = typer.Typer(
    cls=PlainErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Learn semantic segmentation with fully convolutional networks, one notebook at a time.",
)

Names = Annotated[list[str] | None, typer.Argument(help="Notebooks, by the beginning of their names; all by default.")]


def lab_command(notebooks: Path, port: int | None, browser: bool) -> list[str]:
    """Gives the command that serves JupyterLab to this machine only, opened at the first notebook."""
    first = "00_start_here.ipynb"
    if not (notebooks / first).is_file():
        raise FileNotFoundError(f"{notebooks / first} is missing; write it with: fcn-course build 00")
    return [
        *(sys.executable, "-m", "jupyterlab", "--ip=localhost", f"--ServerApp.root_dir={notebooks}"),
        f"--LabApp.default_url=/lab/tree/{first}",
        "--allow-root",  # inside a container everyone is root
        # Neither the news nor the question about news, and no look-ups of newer versions.
        *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
        *([f"--port={port}"] if port is not None else []),
        *([] if browser else ["--no-browser"]),
    ]


@app.command()
def lab(
    port: Annotated[int | None, typer.Option(help="Port to serve on; by default the first that is free.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open the course in JupyterLab."""
    from fcn_course.execution import notebooks_folder

    notebooks = notebooks_folder()
    raise typer.Exit(subprocess.run(lab_command(notebooks, port, browser), cwd=notebooks).returncode)


@app.command()
def run(
    names: Names = None,
    profile: Annotated[Profile | None, typer.Option(help="Data to run on; by default $FCN_COURSE_PROFILE.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for executed copies; by default none are kept.")] = None,
) -> None:
    """Run the notebooks in order, without a browser, and tell how each fared."""
    from fcn_course.execution import notebooks_folder, run_all, select, table

    paths = select(sorted(notebooks_folder().glob("0*.ipynb")), names or [])
    if not paths:
        raise FileNotFoundError(f"no notebooks in {notebooks_folder()}; write them with: fcn-course build")
    results = run_all(paths, profile, out)
    typer.echo(table(results))
    if any(result.error for result in results):
        raise typer.Exit(1)


@app.command()
def build(
    names: Names = None,
    check: Annotated[bool, typer.Option("--check", help="Only tell which notebooks are not as their sources.")] = False,
) -> None:
    """Make the student notebooks from notebooks/source (for instructors)."""
    from fcn_course.execution import notebooks_folder, select

    try:
        from fcn_course import authoring
    except ModuleNotFoundError as error:
        advice = "pip install 'jupytext>=1.17' 'nbgrader>=0.9.5,<0.10'"
        typer.echo(f"fcn-course: build needs {error.name}; get it with: uv sync, or {advice}", err=True)
        raise typer.Exit(1) from error
    notebooks = notebooks_folder()
    sources = select(sorted((notebooks / "source").glob("*.py")), names or [])
    if check:
        problems = authoring.out_of_step(sources, notebooks) + ([] if names else authoring.without_source(notebooks))
        for problem in problems:
            typer.echo(f"fcn-course: {problem}", err=True)
        raise typer.Exit(1 if problems else 0)
    for source in sources:
        typer.echo(f"wrote {authoring.build(source, notebooks)}")
