// The extension API as the content scripts use it, and the registry in which they find each other. The files are injected each time
// marks are switched on; the first definition of a name stays. A content script holds no token and sends no request of its own.
globalThis.medlens ??= {
  define(name, make) {
    this[name] ??= make();
  },
};

medlens.define("browser", () => {
  const REOPEN_MS = 1000;
  const api = globalThis.browser ?? globalThis.chrome;
  const text = (key, values = []) => api.i18n.getMessage(key, values.map(String));
  return {
    text,
    language: () => text("language"),
    direction: () => text("direction"),
    onMessage: (run) => api.runtime.onMessage.addListener((message, sender) => void (sender.id === api.runtime.id && run(message))),
    /** A line to the background, which is cut when that is stopped: opening it anew starts it again. Gives what closes it. */
    hold() {
      let [port, timer] = [null, null];
      const open = () => {
        if (!api.runtime?.id) return; // the extension is gone
        port = api.runtime.connect();
        port.onDisconnect.addListener(() => (timer = setTimeout(open, REOPEN_MS)));
      };
      open();
      return () => (clearTimeout(timer), port?.disconnect());
    },
    /** The background's answer; throws an Error with its `code`. */
    async ask(message) {
      const { ok, problem } = await api.runtime.sendMessage(message);
      if (problem) throw Object.assign(new Error(problem.detail), { code: problem.code });
      return ok;
    },
    /** An element's shadow root, closed ones included. */
    shadowOf: (element) => element.openOrClosedShadowRoot ?? api.dom?.openOrClosedShadowRoot?.(element) ?? element.shadowRoot,
  };
});
