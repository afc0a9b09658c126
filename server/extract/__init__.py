"""Finding images: one extractor per kind of source, each an async iterator of what it found. Knows nothing of judging."""
