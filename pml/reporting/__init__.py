"""From metrics to what a reader opens: tables and figures."""
