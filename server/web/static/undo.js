// The last deletion of this tab, and until when it can be undone. sessionStorage keeps both for the next page and over a reload.
const KEY = "medlens-deleted";

/** `deletion`: the service's answer, { count, undo, undo_seconds }. */
export function deleted(deletion) {
  if (deletion.undo) sessionStorage.setItem(KEY, JSON.stringify({ ...deletion, until: Date.now() + deletion.undo_seconds * 1000 }));
}

/** { count, undo, seconds left }, or null if there is nothing to undo or it is too late. */
export function lastDeleted() {
  const deletion = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (!deletion || deletion.until <= Date.now()) return null;
  return { count: deletion.count, undo: deletion.undo, seconds: (deletion.until - Date.now()) / 1000 };
}

/** Deletes the stored deletion; `word` is a message for the next page. */
export function undone(word) {
  sessionStorage.removeItem(KEY);
  if (word) sessionStorage.setItem("medlens-word", word);
}
