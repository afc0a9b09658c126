// Chrome's and Firefox's extension API as the functions that the rest needs. No other file outside content/ uses `chrome`.
const api = globalThis.browser ?? globalThis.chrome;

// texts and facts
export const text = (key, values = []) => api.i18n.getMessage(key, values.map(String));
// Of the texts: a browser in a language that we do not speak shows English ones, and they read as English does.
export const language = () => text("language");
export const direction = () => text("direction");
export const page = (path) => api.runtime.getURL(path);
export const version = () => api.runtime.getManifest().version;

// what is kept; settings.js alone uses these
export const kept = {
  get: (area, name) => api.storage[area].get(name).then((found) => found[name]),
  set: (area, name, value) => api.storage[area].set({ [name]: value }),
};
/** Content scripts may read local storage unless told otherwise; only Chrome can be told. The token does not lie there anyway. */
export const closeStorageToPages = () => api.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });

// messages
/** Once more when the background was stopped before it could answer. */
export const send = (message) => api.runtime.sendMessage(message).catch(() => api.runtime.sendMessage(message));
export const sendToTab = (tab, message) => api.tabs.sendMessage(tab, message);

/** `answer(message, sender)` gives a promise. `sender.trusted`: one of our own pages, not a content script. */
export function onMessage(answer) {
  api.runtime.onMessage.addListener((message, sender, respond) => {
    if (sender.id !== api.runtime.id) return false;
    const trusted = Boolean(sender.url?.startsWith(api.runtime.getURL("")));
    answer(message, { trusted, tab: sender.tab?.id ?? null }).then(respond);
    return true;
  });
}

// A line to the background is cut when that is stopped; opening it anew starts it again, and it takes up what it was doing.
const REOPEN_MS = 1000;
export const onLine = () => api.runtime.onConnect.addListener(() => {});

/** Keeps a line open; gives what closes it. */
export function hold() {
  let [port, timer] = [null, null];
  const open = () => {
    port = api.runtime.connect();
    port.onDisconnect.addListener(() => (timer = setTimeout(open, REOPEN_MS)));
  };
  open();
  return () => (clearTimeout(timer), port.disconnect());
}

// the life of the extension and of tabs
export const onInstalled = (run) => api.runtime.onInstalled.addListener(({ reason }) => run(reason));
export const onStartup = (run) => api.runtime.onStartup.addListener(run);
export const onTabClosed = (run) => api.tabs.onRemoved.addListener((tab) => run(tab));
export const onTabShown = (run) => api.tabs.onActivated.addListener(({ tabId }) => run(tabId));
export const onMenu = (run) => api.contextMenus.onClicked.addListener(run);

export async function makeMenus(items) {
  await api.contextMenus.removeAll();
  for (const item of items) api.contextMenus.create(item);
}

/** {id, url, title} of the tab in front; `url` is undefined where we may not see it. */
export async function tabInFront() {
  const [tab] = await api.tabs.query({ active: true, currentWindow: true });
  return tab;
}
export const tab = (id) => api.tabs.get(id).catch(() => null);
export const openTab = (url) => api.tabs.create({ url });
export const openOptions = () => api.runtime.openOptionsPage();

/** Opens the popup where the browser lets us; whether it did. */
export const openPopup = () => api.action.openPopup().then(() => true, () => false);

/** The popup, or its page in a tab: `about` is the tab it speaks of. */
export const openPopupOrTab = async (about) => (await openPopup()) || openTab(page(`popup/popup.html?tab=${about}`));

/** The tab may be gone by now: then nothing happens. */
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

/** Runs files in the tab's page, in the isolated world; gives what the last one left. Throws where that is not allowed. */
export async function inject(tabId, files) {
  const [frame] = await api.scripting.executeScript({ target: { tabId }, files });
  return frame?.result;
}

/** The same in every frame of the tab that we may enter: [[frame id, result]], the page itself first. */
export async function injectAll(tabId, files) {
  const frames = await api.scripting.executeScript({ target: { tabId, allFrames: true }, files });
  return frames.map(({ frameId, result }) => [frameId, result]).sort(([one], [other]) => one - other);
}

/** What `medlens[module][name](...values)` gives in this frame, where `inject` has put that module. */
export async function call(tabId, frameId, module, name, ...values) {
  const run = (module, name, values) => globalThis.medlens[module][name](...values);
  const [frame] = await api.scripting.executeScript({ target: { tabId, frameIds: [frameId] }, func: run, args: [module, name, values] });
  return frame?.result;
}

/** What the window of this tab shows, as a data: address; null where the tab is not in front or the browser refuses. */
export async function screenshot(tabId) {
  try {
    const { active, windowId } = await api.tabs.get(tabId);
    return active ? await api.tabs.captureVisibleTab(windowId, { format: "png" }) : null;
  } catch {
    return null;
  }
}

// permissions: asking needs a click
const patterns = (origins) => ({ origins: origins.map((origin) => `${withoutPort(origin)}/*`) });
const withoutPort = (origin) => {
  const { protocol, hostname } = new URL(origin);
  return `${protocol}//${hostname}`; // Firefox knows no ports in patterns
};
export const onPermitted = (run) => api.permissions.onAdded.addListener(run);
export const mayReach = (origins) => api.permissions.contains(patterns(origins));
export const askToReach = (origins) => api.permissions.request(patterns(origins));

/** Firefox asks people before page contents leave the browser; Chrome has no such question. */
export async function askToSendContent() {
  if (!api.runtime.getBrowserInfo) return true;
  return api.permissions.request({ data_collection: ["websiteContent"] });
}

/** Does next to nothing, but counts as activity: a service worker that waits for the network stays alive. */
export const stayAwake = () => api.runtime.getPlatformInfo();
