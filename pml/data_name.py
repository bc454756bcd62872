"""The name of a data set, with the mark that a synthetic one carries, so that no number of one goes unlabelled."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataName:
    """A data set as tables and figures name it.

    Attributes:
        label: its name in the config.
        synthetic: whether its faces are drawn.
    """

    label: str
    synthetic: bool

    def __str__(self) -> str:
        return f"{self.label} (synthetic)" if self.synthetic else self.label

    @classmethod
    def parse(cls, text: str) -> "DataName":
        """Return the name that `text` shows."""
        label = text.removesuffix(" (synthetic)")
        return cls(label, label != text)
