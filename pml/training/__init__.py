"""From faces and folds to run directories: one process, or several together, train one or more folds."""
