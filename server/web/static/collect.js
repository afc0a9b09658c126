// The dialog that adds images or a scan to a collection: the selected images, all medical ones, the scan; or the image that is open.
import { notice, part, text } from "./dom.js";
import { bind } from "./keys.js";
import { addToCollection, collections, newCollection, removeItems } from "./marking.js";
import { toast } from "./toast.js";

const RECENT = 6; // collections offered as buttons
const dialog = document.getElementById("collect");
const most = Number(dialog.dataset.most); // images in one request
const form = dialog.querySelector("form");
const what = part(dialog, "what");
const gallery = document.getElementById("gallery");
let offered = [];
let known = [];

const hashes = (cards) => cards.map((card) => card.dataset.sha256);
const groups = (cards) => {
  const by = new Map(); // of a collection's page, images are of several scans
  for (const card of cards) {
    const scan = card.dataset.scan ?? gallery.dataset.scan ?? null;
    by.set(scan, [...(by.get(scan) ?? []), card.dataset.sha256]);
  }
  return [...by].map(([scan, images]) => ({ scan, images }));
};

/** What the page offers to add: { label, parts }. A part is one request's body. */
function choices(image, scan) {
  if (image) return [{ label: text("text:collect_image"), parts: [{ images: [image], scan }] }];
  const cards = [...gallery.children];
  const selected = cards.filter((card) => part(card, "select").checked);
  const medical = cards.filter((card) => card.dataset.medical === "true" && !card.dataset.copyOf);
  const found = [];
  if (selected.length) found.push({ label: text("text:collect_selected", { n: hashes(selected).length }), parts: groups(selected) });
  if (medical.length) found.push({ label: text("text:collect_medical", { n: medical.length }), parts: groups(medical) });
  if (gallery.dataset.scan) found.push({ label: text("text:collect_scan"), parts: [{ scans: [gallery.dataset.scan] }] });
  return found;
}

async function open(button) {
  const image = button?.dataset.image ?? document.getElementById("detail")?.querySelector("#image")?.dataset.sha256;
  const scan = button?.dataset.scan ?? (image && gallery ? part(gallery, "sha256", image)?.dataset.scan ?? gallery.dataset.scan : undefined);
  offered = choices(image, scan ?? null);
  if (!offered.length) return;
  what.replaceChildren(what.querySelector("legend"), ...offered.map(({ label }, at) => {
    const line = document.createElement("label");
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: "what", value: String(at), checked: at === 0 });
    line.className = "check";
    line.append(radio, ` ${label}`);
    return line;
  }));
  what.hidden = offered.length < 2;
  notice(part(dialog, "wrong"), "");
  form.elements.name.value = "";
  dialog.showModal();
  form.elements.name.focus();
  known = await collections().catch(() => []);
  form.elements.name.list.replaceChildren(...known.map(({ name }) => new Option(name, name)));
  part(dialog, "recent").replaceChildren(...known.slice(0, RECENT).map(({ id, name }) => {
    const one = document.createElement("button");
    one.type = "button";
    one.textContent = name;
    one.addEventListener("click", () => add({ id, name }));
    return one;
  }));
}

const sameName = (a, b) => a.normalize("NFKC").toLowerCase() === b.normalize("NFKC").toLowerCase();

/** The collection of this name; it is made if there is none. */
async function named(name) {
  const words = name.trim().split(/\s+/).join(" ");
  return known.find((one) => sameName(one.name, words)) ?? newCollection(words);
}

function pieces({ parts }) {
  return parts.flatMap(({ images, ...rest }) => {
    if (!images) return [rest];
    const count = Math.ceil(images.length / most);
    return Array.from({ length: count }, (_, at) => ({ ...rest, images: images.slice(at * most, (at + 1) * most) }));
  });
}

async function add(collection) {
  const chosen = offered[Number(new FormData(form).get("what") ?? 0)];
  const items = [];
  try {
    const { id, name } = collection.id ? collection : await named(collection.name);
    for (const piece of pieces(chosen)) items.push(...(await addToCollection(id, piece)).items);
    dialog.close();
    const words = items.length ? text("text:collected", { n: items.length, name }) : text("text:collected_already", { name });
    const undo = { label: text("text:undo"), act: () => removeItems(id, items).catch((problem) => toast(problem.message)) };
    toast(words, { link: { label: text("text:collect_open"), href: `/collections/${id}` }, action: items.length ? undo : null, seconds: 10 });
  } catch (problem) {
    notice(part(dialog, "wrong"), problem.message, true);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  add({ name: form.elements.name.value });
});
part(dialog, "close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("keydown", (event) => event.stopPropagation());
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-collect]");
  if (button) open(button);
});
bind("c", text("text:key_collect"), () => void open(document.querySelector("main [data-collect][data-image]")));
