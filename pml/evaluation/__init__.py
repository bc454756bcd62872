"""From run directories to metrics: errors, their uncertainty, and where they fall."""
