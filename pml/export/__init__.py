"""A trained model as a folder of its own: its weights, its graph, its crop of a face, and its model card."""
