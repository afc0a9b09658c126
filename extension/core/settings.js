// Everything that is kept: a person's settings (for good), the token (in the vault), and what belongs to which tab (this session).
import { kept } from "./browser.js";
import * as vault from "./vault.js";

const TOKEN = "token";
export const DEFAULTS = Object.freeze({
  address: "http://127.0.0.1:8765",
  // Pixels, the shorter side: what the service leaves out anyway (MEDLENS_MIN_IMAGE_SIDE).
  minSide: 64,
  marks: false,
});
export const MAX_MIN_SIDE = 2000;

/** {address, minSide, marks}, the defaults filled in. */
export async function settings() {
  return { ...DEFAULTS, ...(await kept.get("local", "settings")) };
}

export async function change(part) {
  await kept.set("local", "settings", { ...(await settings()), ...part });
}

/** One spelling of a service's address, without path; null when it is none. */
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

// Tables of this session: {tab id: row}. Writes wait for each other, so that two scans at once do not undo one another.
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
