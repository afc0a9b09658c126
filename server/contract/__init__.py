"""What travels between the parts of medlens and what other programs read."""
