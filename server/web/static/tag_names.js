// Suggestions for fields of tags: the tags there are, fetched when such a field is entered.
import { tagNames } from "./marking.js";

document.addEventListener("focusin", async (event) => {
  if (!event.target.matches?.('input[list="tag-names"]')) return;
  const names = await tagNames().catch(() => []);
  const list = event.target.list;
  list?.replaceChildren(...names.map((name) => new Option(name, name)));
});
