// Requests about tags, notes and collections.
import { ask, send } from "./api.js";

/** `path`: of the tags of a scan or an image. `scan`: the scan that shows the image. */
export const setTags = (path, tags, scan) => send(path, { tags, ...(scan ? { scan } : {}) }, "PUT");
export const setNote = (path, note) => send(path, { note }, "PUT");
export const tagNames = async () => (await (await ask("/api/tags")).json()).tags.map(({ name }) => name);
export const collections = async () => (await (await ask("/api/collections")).json()).collections;
export const newCollection = (name) => send("/api/collections", { name });
export const renameCollection = (id, name) => send(`/api/collections/${id}`, { name }, "PUT");
export const deleteCollection = async (id) => (await ask(`/api/collections/${id}`, { method: "DELETE" })).json();
export const restoreCollection = (id) => send(`/api/collections/${id}/restore`, {});
/** `wanted`: { images, scans, scan }. Gives { added, already, items }. */
export const addToCollection = (id, wanted) => send(`/api/collections/${id}/items`, wanted);
/** Gives { count, undo, undo_seconds }. */
export const removeItems = (id, items) => send(`/api/collections/${id}/items/remove`, { items });
export const putBack = (id, undo) => send(`/api/collections/${id}/items/put-back`, { undo });
export const moveItem = (id, item, before) => send(`/api/collections/${id}/items/move`, { item, before });
