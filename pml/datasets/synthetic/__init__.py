"""Synthetic people who age, written as the official archives: the suite runs on them when no data is at hand.

`people` says who is drawn and how old, `proportions` where a face's landmarks lie, `faces` draws it on a `canvas`, `camera`
photographs it, and one module per archive format writes the album. No picture of a real person is used or needed.
"""
