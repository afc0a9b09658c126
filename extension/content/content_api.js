// The browser's extension API for the content scripts, and the registry through which they use each other. The files are injected each time
// marks are switched on; the first definition of a name is kept. Content scripts have no token and send no requests to the service.
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
    /** Keeps a connection to the background open. It breaks when the browser stops the background; reopening it starts the background
     * again, and `reopened` is called. Returns a function that closes it. */
    hold(reopened) {
      let [port, timer] = [null, null];
      const open = () => {
        if (!api.runtime?.id) return; // the extension was removed or reloaded
        port = api.runtime.connect();
        port.onDisconnect.addListener(() => {
          timer = setTimeout(() => (open(), reopened()), REOPEN_MS);
        });
      };
      open();
      return () => (clearTimeout(timer), port?.disconnect());
    },
    /** Sends a message and returns the background's answer; throws an Error with the problem's `code`. */
    async ask(message) {
      const { ok, problem } = await api.runtime.sendMessage(message);
      if (problem) throw Object.assign(new Error(problem.detail), { code: problem.code });
      return ok;
    },
    /** An element's shadow root, closed ones included. */
    shadowOf: (element) => element.openOrClosedShadowRoot ?? api.dom?.openOrClosedShadowRoot?.(element) ?? element.shadowRoot,
  };
});
