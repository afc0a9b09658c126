"""The words of the page that starts scans; texts.py joins them to the others."""

from __future__ import annotations

TEXTS = {
    "new_scan": "New scan",
    "start_title": "Check pages, PDFs and pictures",
    "start_addresses": "Addresses, one a line",
    "start_addresses_hint": "https://example.org/radiology\nhttps://example.org/paper.pdf",
    "start_go": "Check",
    "start_files": "Choose files",
    "start_folder": "Choose a folder",
    "start_drop": "or drop PDFs, images, DICOM files and folders anywhere on this page",
    "start_no_cache": "Judge again, even what is remembered",
    "start_apart": "Each picture as a scan of its own",
    "needs_script": "Starting a scan needs JavaScript; `medlens scan` in a terminal does not.",
    "queue": "Queue",
    "queue_text": "What waits or runs, whoever started it, and what failed or was stopped since yesterday.",
    "queue_empty_title": "Nothing waits",
    "queue_empty_text": "Paste addresses or drop files above; each appears here with its progress.",
    "retry": "Retry",
    "clear_ended": "Clear what has ended",
}

SCRIPT_TEXTS = {
    "refused": "Not started; what is wrong stays in the box:",
    "refused_line": "{line}: {why}",
    "nothing_given": "Paste at least one address, or choose files.",
    "left_out": "Left out, neither PDF, image nor DICOM: {names}",
    "left_out_more": "{names} and {n} more",
    "left_out_large": "Left out, larger than the limit: {names}",
    "no_files": "No file that can be checked was found.",
    "files_of": "{n} files: {names}",
    "uploading": "{percent} sent",
    "sent_whole": "sent, being taken in",
    "waits_for_room": "too many at once; goes on in {n} s",
    "key_paste": "Paste addresses",
}
