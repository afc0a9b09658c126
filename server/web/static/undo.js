// What this tab deleted last, and until when it can be brought back: kept over a reload and on to the next page.
const KEY = "medlens-deleted";

/** `gone`: the service's answer, { count, undo, undo_seconds }. */
export function deleted(gone) {
  if (gone.undo) sessionStorage.setItem(KEY, JSON.stringify({ ...gone, until: Date.now() + gone.undo_seconds * 1000 }));
}

/** { count, undo, seconds left }, or null when there is nothing to undo or it is too late. */
export function lastDeleted() {
  const gone = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (!gone || gone.until <= Date.now()) return null;
  return { count: gone.count, undo: gone.undo, seconds: (gone.until - Date.now()) / 1000 };
}

/** Nothing can be undone any more; `word` is told on the next page. */
export function undone(word) {
  sessionStorage.removeItem(KEY);
  if (word) sessionStorage.setItem("medlens-word", word);
}
