"""One module per competitor; each keeps the contract of `pml.methods.method`, or of `pml.methods.reference`.

Every default has its source in the docstring of the method's `Options`. A loss's terms are reported without their weights,
so that a term means the same in every method: `kl` is the mean divergence of an image, `expectation_l1` is in years.
"""
