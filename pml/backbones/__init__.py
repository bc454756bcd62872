"""The networks that methods share, and the weights that they start from."""
