"""Every English word of the pages, once, so that another language is another file.

Templates read `t.name`; scripts read those of SCRIPT_TEXTS from the page's head. No markup but backticks around commands.
"""

from __future__ import annotations

from types import SimpleNamespace

from server.contract import words
from server.web import texts_figures, texts_history, texts_new, texts_review, texts_scan, texts_settings

STATUS_NAMES = {
    "queued": "Waiting",
    "running": "Running",
    "done": "Done",
    "partial": "Partly read",
    "failed": "Failed",
    "cancelled": "Stopped",
}

KIND_NAMES = {"page": "Web page", "pdf": "PDF", "image": "Image", "dicom": "DICOM", "folder": "Files"}

# Where the words stand that tell a context (records.ContextSource), as the subject of "says".
TEXT_SOURCE_NAMES = {
    "caption": "The caption",
    "alt": "The alternative text",
    "heading": "The heading",
    "link": "The link",
    "file_name": "The file's name",
    "title": "The title",
    "dicom_tag": "The DICOM header",
}

# What stands in the bar: path, name, icon (templates/icons.html), and the key that follows `g`.
PLACES = (
    {"path": "/", "name": "History", "icon": "history", "key": "h"},
    {"path": "/new", "name": "New scan", "icon": "new", "key": "n"},
    {"path": "/review", "name": "Review", "icon": "review", "key": "r"},
    {"path": "/figures", "name": "Figures", "icon": "figures", "key": "f"},
    {"path": "/corrections", "name": "Corrections", "icon": "corrections", "key": "c"},
    {"path": "/settings", "name": "Settings", "icon": "settings", "key": "s"},
)

TEXTS = SimpleNamespace(
    **texts_figures.TEXTS,
    **texts_review.TEXTS,
    **texts_settings.TEXTS,
    **texts_history.TEXTS,
    **texts_new.TEXTS,
    **texts_scan.TEXTS,
    name="medlens",
    tagline="Which images of a page or a PDF are medical, of which modality, and how sure that is.",
    skip="Skip to the content",
    history="History",
    api="API",
    not_a_device="Sorts images by modality. Not a medical device.",
    blur="Blur medical pictures until they are pointed at",
    keys="Keys",
    keys_here="On this page",
    keys_everywhere="Everywhere",
    keys_on="Single keys do something",
    close="Close",
    sign_out="Sign out",
    sign_in="Sign in",
    modality="Modality",
    status="Status",
    kind="Kind",
    any="Any",
    medical="medical",
    of="of",
    # login
    login_title="Sign in to medlens",
    login_confirm="Open the dashboard in this browser?",
    login_confirm_text="The link works once. Confirm only if you started medlens and opened the link yourself.",
    login_go="Sign in",
    login_no_code="Open the link that medlens printed when it started. `medlens token --link` prints a new one.",
    login_paste="Or paste the API token",
    login_bad="This link was used already, or is too old. `medlens token --link` prints a new one.",
    login_wrong="This is not the token of this service.",
    login_continue="You came from another site, so your sign-in was held back.",
    login_continue_go="Continue",
    # pairing
    pair_title="Connect the browser extension?",
    pair_text="It may then start scans, see the history and correct verdicts, from this browser, for a year.",
    pair_code="Confirm only if the extension's settings show this code:",
    pair_go="Connect",
    pair_done_title="The extension is connected",
    pair_done="You can close this tab.",
    pair_bad_title="This link is not whole",
    pair_bad="Start again from the extension's settings.",
    # docs
    docs_title="API",
    docs_text="Every route, what it takes and how it refuses. Machine-readable:",
    docs_problems="Problems",
    error_back="Back to the history",
)

SCRIPT_TEXTS = {
    **{key: text for key, text in words.TEXTS.items() if not key.startswith("why_")},
    **texts_figures.SCRIPT_TEXTS,
    **texts_review.SCRIPT_TEXTS,
    **texts_settings.SCRIPT_TEXTS,
    **texts_history.SCRIPT_TEXTS,
    **texts_new.SCRIPT_TEXTS,
    **texts_scan.SCRIPT_TEXTS,
    "key_list": "List the keys",
    "key_go": "Go to {place}",
    "key_search": "Search",
    "key_blur": "Blur medical pictures, or show them",
    **{f"source_{source}": name for source, name in TEXT_SOURCE_NAMES.items()},
    "offline": "medlens does not answer. Is it still running?",
}
