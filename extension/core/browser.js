// Wraps the extension API of Chrome and Firefox in the functions that the extension needs. No other file outside content/ uses `chrome`.
const api = globalThis.browser ?? globalThis.chrome;

// texts and facts
export const text = (key, values = []) => api.i18n.getMessage(key, values.map(String));
// The language of the texts, not of the browser: if the extension lacks the browser's language, it shows English, from left to right.
export const language = () => text("language");
export const direction = () => text("direction");
export const page = (path) => api.runtime.getURL(path);
export const version = () => api.runtime.getManifest().version;

// storage; only settings.js uses it
export const kept = {
  get: (area, name) => api.storage[area].get(name).then((found) => found[name]),
  set: (area, name, value) => api.storage[area].set({ [name]: value }),
};
/** Content scripts can read local storage unless that is switched off, which only Chrome allows. The token is not in that storage. */
export const closeStorageToPages = () => api.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });

// messages
/** Sends the message again if the browser stopped the background before it answered. */
export const send = (message) => api.runtime.sendMessage(message).catch(() => api.runtime.sendMessage(message));
export const sendToTab = (tab, message) => api.tabs.sendMessage(tab, message);

/** `answer(message, sender)` returns a promise. `sender.trusted`: one of the extension's own pages, not a content script. */
export function onMessage(answer) {
  api.runtime.onMessage.addListener((message, sender, respond) => {
    if (sender.id !== api.runtime.id) return false;
    const trusted = Boolean(sender.url?.startsWith(api.runtime.getURL("")));
    answer(message, { trusted, tab: sender.tab?.id ?? null }).then(respond);
    return true;
  });
}

// A connection to the background breaks when the browser stops the background. Reopening it starts the background, which resumes its work.
const REOPEN_MS = 1000;
export const onLine = () => api.runtime.onConnect.addListener(() => {});

/** Keeps a connection to the background open; returns a function that closes it. */
export function hold() {
  let [port, timer] = [null, null];
  const open = () => {
    port = api.runtime.connect();
    port.onDisconnect.addListener(() => (timer = setTimeout(open, REOPEN_MS)));
  };
  open();
  return () => (clearTimeout(timer), port.disconnect());
}

// events of the extension and of tabs
export const onInstalled = (run) => api.runtime.onInstalled.addListener(({ reason }) => run(reason));
export const onStartup = (run) => api.runtime.onStartup.addListener(run);
export const onTabClosed = (run) => api.tabs.onRemoved.addListener((tab) => run(tab));
export const onTabShown = (run) => api.tabs.onActivated.addListener(({ tabId }) => run(tabId));
export const onMenu = (run) => api.contextMenus.onClicked.addListener(run);

export async function makeMenus(items) {
  await api.contextMenus.removeAll();
  for (const item of items) api.contextMenus.create(item);
}

/** {id, url, title} of the active tab; `url` is undefined without a permission for it. */
export async function tabInFront() {
  const [tab] = await api.tabs.query({ active: true, currentWindow: true });
  return tab;
}
export const tab = (id) => api.tabs.get(id).catch(() => null);
export const openTab = (url) => api.tabs.create({ url });
export const openOptions = () => api.runtime.openOptionsPage();

/** Opens the popup if the browser allows it; returns whether it did. */
export const openPopup = () => api.action.openPopup().then(() => true, () => false);

/** Opens the popup, or its page in a tab if that is refused. `about`: the tab whose scan it shows. */
export const openPopupOrTab = async (about) => (await openPopup()) || openTab(page(`popup/popup.html?tab=${about}`));

/** Sets the badge and title of a tab's toolbar button. Does nothing if the tab was closed. */
export async function badge(tabId, label, title, colour) {
  try {
    await api.action.setBadgeBackgroundColor({ tabId, color: colour });
    await api.action.setBadgeTextColor?.({ tabId, color: "#ffffff" });
    await api.action.setBadgeText({ tabId, text: label });
    await api.action.setTitle({ tabId, title });
  } catch {
    // closed
  }
}

/** Runs files in the tab's page, in the isolated world; returns the value of the last one. Throws where that is not allowed. */
export async function inject(tabId, files) {
  const [frame] = await api.scripting.executeScript({ target: { tabId }, files });
  return frame?.result;
}

/** The same in every frame of the tab that allows it: [[frame id, result]], the page itself first. */
export async function injectAll(tabId, files) {
  const frames = await api.scripting.executeScript({ target: { tabId, allFrames: true }, files });
  return frames.map(({ frameId, result }) => [frameId, result]).sort(([one], [other]) => one - other);
}

/** The result of `medlens[module][name](...values)` in this frame, after `inject` or `injectAll` has loaded that module. */
export async function call(tabId, frameId, module, name, ...values) {
  const run = (module, name, values) => globalThis.medlens[module][name](...values);
  const [frame] = await api.scripting.executeScript({ target: { tabId, frameIds: [frameId] }, func: run, args: [module, name, values] });
  return frame?.result;
}

/** A screenshot of this tab as a data: address; null if the tab is not active or the browser refuses. */
export async function screenshot(tabId) {
  try {
    const { active, windowId } = await api.tabs.get(tabId);
    return active ? await api.tabs.captureVisibleTab(windowId, { format: "png" }) : null;
  } catch {
    return null;
  }
}

// permissions; a request must be part of a click
const patterns = (origins) => ({ origins: origins.map((origin) => `${withoutPort(origin)}/*`) });
const withoutPort = (origin) => {
  const { protocol, hostname } = new URL(origin);
  return `${protocol}//${hostname}`; // Firefox allows no port in a pattern
};
export const onPermitted = (run) => api.permissions.onAdded.addListener(run);
export const mayReach = (origins) => api.permissions.contains(patterns(origins));
export const askToReach = (origins) => api.permissions.request(patterns(origins));

/** Requests Firefox's permission to send page contents; Chrome has no such permission. */
export async function askToSendContent() {
  if (!api.runtime.getBrowserInfo) return true;
  return api.permissions.request({ data_collection: ["websiteContent"] });
}

/** A cheap call that counts as activity, so that the browser does not stop a service worker that is waiting for the network. */
export const stayAwake = () => api.runtime.getPlatformInfo();
