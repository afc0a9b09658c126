"""The second stage: one extractor for each kind of source, an async iterator of candidates, skips and notices."""
