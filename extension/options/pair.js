// Pairing: the extension makes its own token and sends the service only its fingerprint, which the person confirms in the dashboard.
// The token itself is never part of a page or an address. Both sides show the first digits of the fingerprint, so that the person can
// compare them.
import { tokenHolds } from "../core/api.js";
import { openTab } from "../core/browser.js";
import { sha256 } from "../core/bytes.js";
import { check } from "./check.js";

const PATIENCE_MS = 10 * 60_000;
// The service limits requests with a token that is not (yet) valid: 20 at once, then one in 5 s.
const QUICK = { times: 12, ms: 2000 };
const SLOW_MS = 6000;
const BYTES = 32;

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The first six digits of the fingerprint, as both sides show them. */
export const codeOf = (fingerprint) => `${fingerprint.slice(0, 3)}-${fingerprint.slice(3, 6)}`.toUpperCase();

/** Returns {token} if the person confirmed, else {code, values} as check.js does. `show` is called with the code to compare. */
export async function pair(address, signal, show) {
  const before = await check(address, "");
  if (!["ok", "no_token", "wrong_token"].includes(before.code)) return before;
  const token = base64url(crypto.getRandomValues(new Uint8Array(BYTES)));
  const fingerprint = await sha256(new TextEncoder().encode(token));
  show(codeOf(fingerprint));
  await openTab(`${address}/pair?key=${fingerprint}`);
  const until = Date.now() + PATIENCE_MS;
  for (let turn = 0; Date.now() < until && !signal.aborted; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, turn < QUICK.times ? QUICK.ms : SLOW_MS));
    if (signal.aborted) break;
    try {
      await tokenHolds(address, token);
      return { token };
    } catch (problem) {
      if (problem.code === "offline") return { code: "not_running", values: [address] };
    }
  }
  return { code: "not_confirmed", values: [] };
}
