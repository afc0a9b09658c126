// Marks on this page: joins the elements that show images (element_observer.js) with the verdicts from the background, by address. An
// element's state is one data attribute; switching marks off removes the attribute, the layer and all listeners. A verdict for an image
// that is no longer shown is ignored.
medlens.define("marks", () => {
  const SLICE_MS = 8; // well under 50 ms, the delay that people notice
  const BREATH_MS = 12;
  const { ask, hold, onMessage } = medlens.browser;
  const { keyOf, keysOf } = medlens.image_addresses;
  let running = null;
  let release = null; // closes the connection to the background, while verdicts are still expected

  function start() {
    const answers = new Map(); // key -> mark
    const shown = new Map(); // key -> elements that show it
    const keys = new WeakMap(); // element -> its keys when it was last examined
    const marked = new Set();
    const coming = []; // verdicts that are still to be processed
    let timer = null;
    const label = medlens.label((mark, opener, element) => card.show(mark, opener, element));
    const card = medlens.card(label, corrected);

    function looked(element) {
      const now = keysOf(element);
      const before = keys.get(element) ?? [];
      if (now.length === before.length && now.every((key, at) => key === before[at])) return;
      for (const key of before) shown.get(key)?.delete(element);
      for (const key of now) shown.has(key) ? shown.get(key).add(element) : shown.set(key, new Set([element]));
      keys.set(element, now);
      match(element);
    }

    function match(element) {
      const mark = keys.get(element)?.map((key) => answers.get(key)).find(Boolean);
      if (mark) {
        element.dataset.medlens = mark.modality;
        marked.add(element);
        label.show(element, mark);
      } else if (marked.delete(element)) {
        delete element.dataset.medlens;
        label.hide(element);
      }
    }

    /** In slices: hundreds of verdicts may arrive at once, and the page must stay responsive. */
    function take(marks) {
      coming.push(...marks);
      timer ??= setTimeout(slice);
    }

    function slice() {
      timer = null;
      const end = performance.now() + SLICE_MS;
      while (coming.length && performance.now() < end) {
        const mark = coming.shift();
        for (const key of mark.urls.map(keyOf)) {
          answers.set(key, mark);
          shown.get(key)?.forEach(match);
        }
      }
      if (coming.length) timer = setTimeout(slice, BREATH_MS);
    }

    function corrected(mark) {
      for (const [key, old] of answers) if (old.image === mark.image) answers.set(key, { ...mark, urls: old.urls });
      marked.forEach(match);
    }

    function removed() {
      for (const element of marked) if (!element.isConnected) label.hide(element), marked.delete(element), keys.delete(element);
      label.moved();
    }

    const observer = medlens.element_observer(looked, removed);
    const escaped = (event) => event.key === "Escape" && card.close();
    document.addEventListener("keydown", escaped);

    function stop() {
      clearTimeout(timer);
      observer.stop();
      card.close();
      label.remove();
      document.removeEventListener("keydown", escaped);
      for (const element of marked) delete element.dataset.medlens;
    }

    return { take, stop };
  }

  function awaiting(more) {
    if (more) release ??= hold(askAgain);
    else release = void release?.();
  }

  /** The background was stopped, perhaps before it had sent a verdict. */
  async function askAgain() {
    const more = await ask({ type: "missed" }).catch(() => true); // the service did not answer: after the next reopening
    if (!more) awaiting(false);
  }

  onMessage(({ type, marks, last }) => {
    if (type === "answers" && running) {
      running.take(marks);
      awaiting(!last);
    }
    if (type === "off") {
      awaiting(false);
      running?.stop();
      running = null;
    }
  });
  return {
    on() {
      if (running) return;
      running = start();
      awaiting(true);
    },
  };
});
medlens.marks.on();
