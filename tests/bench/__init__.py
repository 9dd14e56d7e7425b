"""What a login costs: see README.md."""
