"""The words of the figures page and its charts; texts.py joins them to the others."""

from __future__ import annotations

TEXTS = {
    "figures": "Figures",
    "figures_span": "Time",
    "figures_spans": {7: "7 days", 30: "30 days", 90: "90 days", 365: "A year", 0: "All time"},
    "figures_utc": "Days are UTC. An image that two scans met counts in both.",
    "figures_empty_title": "No figures yet",
    "figures_empty_text": "They come with the first scan in this time.",
    "figures_table": "As a table",
    "figures_download": "Download {what}",
    "figures_first": "{shown} of {n} rows; the CSV has all",
    "kpi_scans": "Scans",
    "kpi_images": "Images",
    "kpi_medical": "Medical",
    "kpi_cached": "Answered from memory",
    "kpi_uncertain": "Not sure",
    "kpi_disagreeing": "Models disagree",
    "kpi_reviewed": "Reviewed by people",
    "kpi_right": "Right of those reviewed",
    "kpi_right_note": "People review what looks wrong or unsure, so the share right of all answers is higher.",
}

SCRIPT_TEXTS = {"shorter": "A shorter time", "longer": "A longer time"}

CHARTS = {
    "scans": ("Scans over time", "How many were asked for."),
    "images": ("Images over time", "Unique images of each scan, by what they were taken for."),
    "shares": ("Modality shares", "Of all images in this time."),
    "confidence": ("Confidence", "Images by how sure the answer was; corrected ones count as sure."),
    "rates": ("Memory, doubt, disagreement", "Shares of images: answered from memory, not sure, and with models that disagree."),
    "stages": ("Time per stage", "Of the newest 1,000 scans: half were faster than the bar, 95 of 100 faster than the mark."),
    "answers": ("Answers that people reviewed", "By what the model had said: how many of them people found right."),
    "confusion": ("Model and person", "Reviewed images by what the model said, and what a person says they are."),
}
COLUMNS = {
    "period": "From",
    "scans": "Scans",
    "modality": "Modality",
    "images": "Images",
    "share": "Share",
    "confidence": "Confidence",
    "cached": "From memory",
    "uncertain": "Not sure",
    "disagreeing": "Models disagree",
    "stage": "Stage",
    "p50": "Half within, ms",
    "p95": "95 % within, ms",
    "model": "Model",
    "person": "Person",
    "reviewed": "Reviewed",
    "right": "Right",
    "wrong": "Wrong",
}
STAGES = {
    "queue": "Waiting",
    "fetch": "Fetching",
    "render": "Rendering",
    "extract": "Extracting",
    "decode": "Decoding",
    "classify": "Judging",
    "store": "Writing down",
    "total": "All of it",
}
