"""The words of a scan's page, an image's page and what is downloaded there; texts.py joins them to the others."""

from __future__ import annotations

TEXTS = {
    "from_cache": "remembered",
    "uncertain": "Not sure",
    "disagree": "Models disagree",
    "context_disagrees": "Text disagrees",
    "context_says": "{where} says {what}",
    "corrected": "Labelled by you",
    "panel_decides": "decides",
    "panels_lead": "Point at one to see where it stands.",
    "medical_at_all": "Medical at all",
    "heat_less": "little",
    "heat_more": "much",
    "heat_legend": "What speaks for the answer, in the eyes of the CNN",
    "heat_opacity": "Strength of the colours",
    "of_one_panel": "The probabilities are those of the panel that decides.",
    "all": "All",
    "stop": "Stop",
    "again": "Scan again",
    "delete": "Delete",
    "download": "Download",
    "download_csv": "CSV, a row an image",
    "download_json": "JSON, the whole report",
    "download_zip": "ZIP by modality, small copies (originals are not kept)",
    "print": "Print or save as PDF",
    "seen_places": "{n} places",
    "skipped": "Left out",
    "notices": "What was not read, and remarks",
    "timings": "Time",
    "gallery": "Images",
    "gallery_empty": "No image was found here.",
    "gallery_waiting": "Images appear here as they are found.",
    "gallery_no_match": "No image of this kind here.",
    "near_copies": "near copies: {n}",
    "near_copy": "near copy",
    "sort": "Order",
    "sort_page": "As on the page",
    "sort_sure": "Most confident first",
    "sort_unsure": "Least confident first",
    "new_image": "new",
    "since": "Since the scan of",
    "since_open": "Open that scan",
    "since_new": "New",
    "since_gone": "Gone",
    "since_changed": "Judged differently",
    "since_more": "and {n} more",
    "since_nothing": "Nothing has changed: the same images, judged the same.",
    "since_model": "Judged by another version of the model",
    "became": "{a} became {b}",
    "choose_image": "Select",
    "chosen_are": "These are",
    "clear": "Clear",
    "previous": "Previous",
    "next": "Next",
    "own_page": "Own page",
    "probabilities": "Probabilities",
    "probabilities_alone": "Probabilities, by the image alone",
    "members": "What each model says",
    "member": "Model",
    "says": "Says",
    "confidence": "Confidence",
    "seen": "Where it was seen",
    "seen_before": "Seen in {n} scans",
    "seen_once": "Seen in this scan alone",
    "seen_more": "Earlier scans",
    "spot": "Where it stands: {x} across, {y} down, on a page of {w} × {h}",
    "spot_pdf": "Drawn to scale on an A4 page.",
    "spot_page": "Drawn to scale on the page as far as images reach.",
    "heatmap": "Show what the model looked at",
    "heatmap_hide": "Hide what it looked at",
    "wrong": "Is this wrong?",
    "wrong_text": "Say what it is. Your answer counts from now on, for near copies too, and is kept for training.",
    "take_back": "Undo the correction",
    "facts": "Facts",
    "size": "Size",
    "format": "Format",
    "bytes": "Bytes",
    "model": "Model",
    "no_thumbnail": "No picture is kept",
    "page": "page {n}",
    "panels": "Panels",
}

SCRIPT_TEXTS = {
    "context_says": "{where} says {what}",
    "delete_sure": "Delete this scan? It can be undone for a minute. The verdicts of its images stay remembered.",
    "kept_one": "{name}: kept.",
    "kept_many": "{n} images: {name}.",
    "kept_some": "{n} of {m} were kept: {why}",
    "taken_back": "Taken back.",
    "computing": "A worker looks again…",
    "not_yet": "Not made yet: {why} Asking again…",
    "places": "{n} places",
    "position": "{i} of {n}",
    "cannot_open": "This image cannot be shown: {why}",
    "key_image_next": "Next image",
    "key_image_previous": "Previous image",
    "key_correct": "Say what it is, of the selected images or this one",
    "key_take_back": "Undo the last correction",
    "key_choose": "Select the image",
    "key_choose_all": "Select all that are shown",
    "key_heat": "What the model looked at",
    "key_unfold": "Unfold near copies, or fold them",
}

ARCHIVE_README = """medlens: the images of one scan, sorted by modality

Scanned:  {target}
When:     {date}
Model:    {model}
Images:   {images}, of which {kept} have a picture here

The pictures are NOT the originals. medlens does not keep originals; it keeps a small re-encoded copy (WebP, at most 384 pixels on
the long side) of each image, and these are those copies. The originals are at the addresses in images.csv. Where no copy is kept
(MEDLENS_KEEP_THUMBNAILS=false, or it was cleaned up), the column `file` of images.csv is empty.

  {folders}   the pictures, numbered as on the page
  images.csv     one row an image: where it stood, what it was judged to be, and how surely
  report.json    the whole report

medlens sorts images by modality. It is not a medical device, reads no findings, and must not be used for diagnosis.
"""
