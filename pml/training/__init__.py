"""From faces and folds to run directories: one process trains one or more folds."""
