"""Checks: one module a topic, one function an exercise, which tells that an answer is right or which mistake it is."""

import importlib
import pkgutil

from fcn_course.checks.exercise import CHECKS, Check

_SHARED = {"compare", "exercise", "guard", "progress", "report", "values"}


def all_checks() -> dict[str, Check]:
    """Every check of the course, by the number of its exercise, in the order of the notebooks."""
    for module in pkgutil.iter_modules(__path__):
        if module.name not in _SHARED:
            importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(CHECKS.items()))
