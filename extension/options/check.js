// "Test connection": finds out why the service cannot be used.
import { health, tokenHolds } from "../core/api.js";
import { mayReach } from "../core/browser.js";

// The oldest version of the service that this extension works with.
export const LEAST_VERSION = "0.1.0";

/** {code, values}; the code is ok, not_running, wrong_address, wrong_token, no_token, too_old, slow_down or not_allowed. */
export async function check(address, token) {
  if (!(await mayReach([address]))) return { code: "not_allowed", values: [address] };
  try {
    const found = await health(address, token);
    if (found.name !== "medlens") return { code: "wrong_address", values: [address] };
    if (older(found.version, LEAST_VERSION)) return { code: "too_old", values: [found.version, LEAST_VERSION] };
    if (!token) return { code: "no_token", values: [] };
    await tokenHolds(address, token);
    return { code: "ok", values: [found.version] };
  } catch (problem) {
    return { code: meaning(problem), values: [address] };
  }
}

function meaning({ code }) {
  if (code === "offline" || code === "slow") return "not_running";
  if (code === "unauthorized") return "wrong_token";
  if (code === "too_many_requests") return "slow_down";
  return "wrong_address"; // the answer is not from medlens, or medlens does not accept this host name
}

/** Whether version `a` is older than `b`; parts that are not numbers count as 0. */
export function older(a, b) {
  const [x, y] = [a, b].map((version) => String(version).split(".").map((part) => Number.parseInt(part, 10) || 0));
  for (let at = 0; at < Math.max(x.length, y.length); at += 1) {
    if ((x[at] ?? 0) !== (y[at] ?? 0)) return (x[at] ?? 0) < (y[at] ?? 0);
  }
  return false;
}
