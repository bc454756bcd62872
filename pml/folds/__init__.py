"""From an index to folds.csv: who is in training and who is in test."""
