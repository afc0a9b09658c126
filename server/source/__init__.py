"""The first stage: turns what a person asked for into a Source with a checked address and a kind told by its bytes."""
