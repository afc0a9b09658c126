// The options page: the service's address, the token, and what is shown. Every change is stored at once.
import { version } from "../core/browser.js";
import { asAddress, change, DEFAULTS, MAX_MIN_SIDE, setToken, settings, token } from "../core/settings.js";
import { fill, text } from "../core/words.js";
import { askToReach, mayReach } from "../core/browser.js";
import { check } from "./check.js";
import { pair } from "./pair.js";

const part = (id) => document.getElementById(id);
let pairing = null;
fill();

function tell(words, kind) {
  part("tested").className = `notice ${kind}`;
  part("tested").textContent = words;
  part("tested").hidden = !words;
  part("command").hidden = true;
}

/** Stores the typed address; returns false if it is not an address, or the permission for it was refused. Must be called within a click. */
async function keepAddress() {
  const address = asAddress(part("address").value || DEFAULTS.address);
  part("address").setAttribute("aria-invalid", String(!address));
  if (!address) {
    tell(text("options_no_address"), "bad");
    return false;
  }
  const allowed = await askToReach([address]).catch(() => mayReach([address]));
  if (!allowed) {
    tell(text("options_not_allowed", [address]), "bad");
    return false;
  }
  if (address !== (await settings()).address) await setToken(""); // a token must not be sent to another service
  part("address").value = address;
  await change({ address });
  return true;
}

async function test() {
  tell(text("options_testing"), "");
  const found = await check((await settings()).address, await token());
  tell(text(`check_${found.code}`, found.values), found.code === "ok" ? "good" : "bad");
  part("command").hidden = found.code !== "not_running";
  await showAccess(found.code === "ok");
  return found;
}

async function showAccess(known) {
  const has = Boolean(await token());
  part("connected").textContent = text(has ? "options_connected" : "options_not_connected");
  part("connected").className = `chip${has && known !== false ? " good" : ""}`;
  part("unpair").hidden = !has;
  part("pair").textContent = text(has ? "options_pair_again" : "options_pair");
}

async function beginPairing() {
  if (!(await keepAddress())) return;
  pairing?.abort();
  pairing = new AbortController();
  const { signal } = pairing;
  part("pairing").hidden = false;
  part("pairing-text").textContent = text("options_pairing");
  const done = await pair((await settings()).address, signal, (code) => (part("code").textContent = code));
  if (signal.aborted) return;
  part("pairing").hidden = true;
  if (done.token) {
    await setToken(done.token);
    await test();
  } else tell(text(`check_${done.code}`, done.values), "bad");
  if (done.code === "not_running") part("command").hidden = false;
}

part("address-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await keepAddress()) await test();
});
part("pair").addEventListener("click", beginPairing);
part("stop-pairing").addEventListener("click", () => {
  pairing?.abort();
  part("pairing").hidden = true;
});
part("unpair").addEventListener("click", async () => {
  await setToken("");
  tell("", "");
  await showAccess();
});
part("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const pasted = part("token").value.trim();
  if (!pasted || !(await keepAddress())) return;
  await setToken(pasted);
  part("token").value = "";
  await test();
});
part("min-side").addEventListener("change", async () => {
  const side = Math.round(Number(part("min-side").value));
  const fits = side >= 1 && side <= MAX_MIN_SIDE;
  part("min-side").setAttribute("aria-invalid", String(!fits));
  part("saved").textContent = fits ? text("options_saved") : text("options_bad_side", [MAX_MIN_SIDE]);
  if (fits) await change({ minSide: side });
});
part("marks").addEventListener("change", async () => {
  await change({ marks: part("marks").checked });
  part("saved").textContent = text("options_saved");
});

const { address, minSide, marks } = await settings();
part("address").value = address;
part("min-side").value = String(minSide);
part("marks").checked = marks;
part("version").textContent = text("options_version", [version()]);
await showAccess();
