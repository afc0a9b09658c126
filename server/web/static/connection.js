// The connection of this page to the service. If the service does not answer, the page says so and waits for it; if the session has ended,
// the person signs in again, once for all requests. Every request and every stream of the dashboard goes through here.
import { part, text } from "./dom.js";

const PROBE = "/api/scans?limit=1"; // needs a session, and reads one row
const PROBE_MS = 2000;
const bar = document.getElementById("unreachable");
const dialog = document.getElementById("sign-in");
let watching = null;
let asking = null;
let answered = { yes: false, at: -Infinity };
let signedIn = Promise.withResolvers();
let leaving = false;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function show(unreachable) {
  document.documentElement.toggleAttribute("data-unreachable", unreachable);
  bar.hidden = !unreachable;
}

/** "allowed", "signed out", or "unreachable": no answer, or the service is up and its database is not. */
async function probe() {
  try {
    const { status } = await fetch(PROBE, { credentials: "same-origin", cache: "no-store" });
    if (status === 401) return "signed out";
    return status >= 500 ? "unreachable" : "allowed";
  } catch {
    return "unreachable";
  }
}

async function watch() {
  for (;;) {
    const state = await probe();
    show(state === "unreachable");
    if (state === "allowed") return;
    if (state === "unreachable") await pause(PROBE_MS);
    else if (!(await signIn())) await signedIn.promise;
  }
}

/** Shows that the service does not answer, until it does. Resolves when it serves this browser again. */
export function available() {
  watching ??= watch().finally(() => (watching = null));
  return watching;
}

/** Call when a request got no answer. */
export const unanswered = () => void (leaving || available());

/**
 * Asks for the token, in one dialog however many requests wait for it; a request that began before the answer (`begun`, as
 * performance.now() gives it) takes that answer. Gives whether this browser is signed in again.
 */
export async function signIn(begun = Infinity) {
  if (!asking && begun < answered.at) return answered.yes;
  asking ??= ask().finally(() => (asking = null));
  const yes = await asking;
  answered = { yes, at: performance.now() };
  return yes;
}

function ask() {
  const form = dialog.querySelector("form");
  const field = form.elements.token;
  const wrong = part(dialog, "wrong");
  wrong.hidden = true;
  return new Promise((resolve) => {
    const done = (result) => {
      form.removeEventListener("submit", send);
      window.removeEventListener("focus", look);
      dialog.removeEventListener("close", closed);
      field.value = "";
      dialog.close();
      if (result) {
        signedIn.resolve();
        signedIn = Promise.withResolvers();
      }
      resolve(result);
    };
    const closed = () => done(false);
    // The person may have signed in in another tab.
    const look = async () => (await probe()) === "allowed" && done(true);
    const send = async (event) => {
      event.preventDefault();
      const body = new URLSearchParams({ token: field.value });
      // Signing in redirects, which a script sees as an opaque answer; a wrong token is a page with 401.
      const answer = await fetch("/login", { method: "POST", body, redirect: "manual" }).catch(() => null);
      if (answer?.type === "opaqueredirect") return done(true);
      wrong.textContent = text(answer ? "text:session_wrong" : "text:offline");
      wrong.hidden = false;
      field.select();
      return undefined;
    };
    form.addEventListener("submit", send);
    window.addEventListener("focus", look);
    dialog.addEventListener("close", closed);
    // A dialog that is open already, such as an image's, stays under this one.
    dialog.showModal();
    field.focus();
  });
}

window.addEventListener("pagehide", () => (leaving = true));
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
