"""Lets `python -m fcn_course` do what `fcn-course` does."""

from fcn_course.cli import main

main()
