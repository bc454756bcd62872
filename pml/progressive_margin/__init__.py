"""The paper's method, equation by equation: class statistics, margins, margin softmax, and PML which joins them."""

from pml.progressive_margin.method import PML

__all__ = ["PML"]
