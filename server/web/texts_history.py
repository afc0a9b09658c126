"""The words of the history page; texts.py joins them to the others."""

from __future__ import annotations

TEXTS = {
    "search": "Search",
    "search_hint": "Title, address or host",
    "filters": "Filters",
    "from_day": "From",
    "to_day": "To",
    "days_are_utc": "Days are UTC; the last one is included",
    "apply": "Show",
    "reset": "Reset",
    "uncertain_only": "Not sure",
    "disagree_only": "Models disagree",
    "context_disagrees_only": "Text disagrees",
    "corrected_only": "Corrected",
    "empty_title": "Nothing checked yet",
    "empty_text": "Check a page, a PDF or pictures, or click the extension on any page.",
    "no_match_title": "Nothing matches",
    "no_match_text": "Loosen the search or reset the filters.",
    "older": "Older scans",
    "newest": "Back to the newest",
    "select_row": "Select",
    "select_page": "Select all on this page",
    "delete_selected": "Delete selected",
    "delete_all": "Delete all",
    "delete_all_title": "Delete every scan?",
    "delete_all_text": "All of the history goes, whatever the filters show. It can be undone for a minute; then the pictures go "
    "too. Verdicts stay remembered by the images' hashes.",
    "keep": "Keep them",
    "export_history": "Export",
    "kept_forever": "Scans are kept until you delete them.",
    "kept_days": "Scans are deleted after {n} days (MEDLENS_RETENTION_DAYS).",
    "found_none": "no images",
    "found_medical": "{m} of {n} medical",
    "found_so_far": "{n} found so far",
}

SCRIPT_TEXTS = {
    "found_waiting": "waits for a worker",
    "selected": "{n} selected",
    "undo": "Undo",
    "deleted_one": "One scan deleted.",
    "deleted_many": "{n} scans deleted.",
    "brought_back": "Back again.",
    "key_next": "Next row",
    "key_previous": "Previous row",
    "key_select": "Select the row",
    "key_select_all": "Select all on this page",
    "key_delete": "Delete what is selected",
    "key_undo": "Undo the last deletion",
}
