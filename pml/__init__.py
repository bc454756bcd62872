"""Progressive Margin Loss (CVPR 2021): the method, and the engine it shares with its competitors.

The stages, in the order in which data flows: datasets, faces, folds, training, evaluation, reporting.
"""
