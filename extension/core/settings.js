// All that the extension stores: settings (permanently), the token (in the vault), and the jobs and questions of each tab (for the session).
import { kept } from "./browser.js";
import * as vault from "./vault.js";

const TOKEN = "token";
export const DEFAULTS = Object.freeze({
  address: "http://127.0.0.1:8765",
  // Pixels of the shorter side; by default as in the service (MEDLENS_MIN_IMAGE_SIDE).
  minSide: 64,
  marks: false,
});
export const MAX_MIN_SIDE = 2000;

/** {address, minSide, marks}; a setting that was not changed has its default. */
export async function settings() {
  return { ...DEFAULTS, ...(await kept.get("local", "settings")) };
}

export async function change(part) {
  await kept.set("local", "settings", { ...(await settings()), ...part });
}

/** The normalised address of a service, without path; null if the text is not an address. */
export function asAddress(typed) {
  const written = typed.trim();
  try {
    const url = new URL(/^[a-z]+:\/\//i.test(written) ? written : `http://${written}`);
    return ["http:", "https:"].includes(url.protocol) && !url.username ? url.origin : null;
  } catch {
    return null;
  }
}

export const token = async () => (await vault.read(TOKEN)) ?? "";
export const setToken = (value) => (value ? vault.write(TOKEN, value) : vault.remove(TOKEN));

// Tables of this session: {tab id: row}. Writes run one after the other, so that two scans at once do not overwrite each other's changes.
let writing = Promise.resolve();
const read = async (name) => (await kept.get("session", name)) ?? {};

function write(name, change) {
  writing = writing.catch(() => {}).then(async () => {
    const all = await read(name);
    change(all);
    await kept.set("session", name, all);
  });
  return writing;
}

export const jobs = () => read("jobs");
export const changeJobs = (change) => write("jobs", change);
export const questions = () => read("questions");
export const changeQuestions = (change) => write("questions", change);
