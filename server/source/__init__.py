"""The first stage: turns a target into a Source with a checked address, its kind determined by its first bytes."""
