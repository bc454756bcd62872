"""The parser of every command line of ours."""

import argparse
from typing import NoReturn

from pml.errors import InputError


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is an `InputError`, so one line and exit code 2, as any other bad input."""

    def error(self, message: str) -> NoReturn:
        """Raise the complaint, with where to look."""
        raise InputError(f"{self.prog}: {message}; see {self.prog} --help")
