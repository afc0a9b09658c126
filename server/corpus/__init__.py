"""`medlens corpus`: the stages of a scan over millions of documents, in this process or on Ray, with Parquet out."""
