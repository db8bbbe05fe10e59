"""Health: what on this machine keeps engines from running."""
