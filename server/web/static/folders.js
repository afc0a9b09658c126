// All files of what was dropped or chosen, folders included, sorted into uploads that the service accepts.
import { kindsOf } from "./api.js";

const read = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function* within(entry) {
  if (entry.isFile) {
    yield await fileOf(entry);
    return;
  }
  const reader = entry.createReader();
  // A browser gives the entries of a folder a hundred at a time, and then an empty list.
  for (let piece = await read(reader); piece.length; piece = await read(reader)) for (const one of piece) yield* within(one);
}

/** Every file of a drop. Call it before the event ends, since its entries are gone afterwards. */
export async function dropped(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.());
  const files = [];
  for (const [place, entry] of entries.entries()) {
    if (entry) for await (const file of within(entry)) files.push(file);
    else if (transfer.files[place]) files.push(transfer.files[place]);
  }
  return files;
}

/** The first bytes of a file as base64; empty if it was moved, or reading it is not permitted. */
async function headOf(file, bytes) {
  const head = await file.slice(0, bytes).arrayBuffer().catch(() => new ArrayBuffer(0));
  return btoa(String.fromCharCode(...new Uint8Array(head)));
}

/** Each file with the kind that the service names for it, or null. */
async function* withKinds(files, { headBytes, maxHeads }) {
  for (let at = 0; at < files.length; at += maxHeads) {
    const some = files.slice(at, at + maxHeads);
    const heads = await Promise.all(some.map(async (file) => ({ name: file.name, head: await headOf(file, headBytes) })));
    const { kinds } = await kindsOf(heads);
    for (const [place, file] of some.entries()) yield [file, kinds[place]];
  }
}

const isHidden = (file) => file.name.startsWith(".") || file.name === "Thumbs.db";

/**
 * Files as uploads: each PDF by itself, images and DICOM files together as far as one request may hold them, or `apart`.
 * Returns { uploads: [[File]], unknown: [name], large: [name] }; hidden files (with a leading dot) are left out.
 * Throws a Problem if the service does not answer.
 */
export async function sorted(files, { maxFiles, maxBytes, apart, ...limits }) {
  const found = { uploads: [], unknown: [], large: [] };
  let bundle = [];
  let size = 0;
  for await (const [file, kind] of withKinds(files.filter((file) => !isHidden(file)), limits)) {
    if (!kind) found.unknown.push(file.name);
    else if (file.size > maxBytes) found.large.push(file.name);
    else if (kind === "pdf" || apart) found.uploads.push([file]);
    else {
      if (bundle.length && (bundle.length === maxFiles || size + file.size > maxBytes)) {
        bundle = [];
        size = 0;
      }
      if (!bundle.length) found.uploads.push(bundle);
      bundle.push(file);
      size += file.size;
    }
  }
  return found;
}
