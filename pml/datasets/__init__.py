"""From raw archives to index.csv: one module per raw format."""
