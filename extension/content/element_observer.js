// Finds the elements of a page that may show images, including those added, changed or loaded later and those in shadow roots.
// Calls `onElement(element)` for each, in short slices so that the page stays responsive.
medlens.define("element_observer", () => (onElement, onRemoved) => {
  const SLICE_MS = 8; // well under 50 ms, the delay that people notice
  const BREATH_MS = 12;
  const WATCHED = { subtree: true, childList: true, attributes: true, attributeFilter: ["src", "srcset", "poster", "style", "class", "href", "data"] };
  const { shadowOf } = medlens.browser;
  const roots = new Map(); // root -> its MutationObserver
  const trees = []; // walkers over subtrees that are still to be searched
  const singles = new Set();
  let timer = null;
  let stopped = false;

  const schedule = (wait = 0) => (timer ??= stopped ? null : setTimeout(slice, wait));

  function slice() {
    timer = null;
    const end = performance.now() + SLICE_MS;
    while (performance.now() < end) {
      const element = next();
      if (!element) return;
      visit(element);
    }
    schedule(BREATH_MS);
  }

  function next() {
    for (const element of singles) {
      singles.delete(element);
      return element;
    }
    while (trees.length) {
      const walker = trees[0];
      const node = walker.fresh ? walker.root : walker.nextNode();
      walker.fresh = false;
      if (node instanceof Element) return node;
      if (!node) trees.shift();
    }
    return null;
  }

  function visit(element) {
    if (!element.isConnected) return;
    const shadow = element.localName.includes("-") || element.shadowRoot || HOSTS.has(element.localName) ? shadowOf(element) : null;
    if (shadow) watch(shadow);
    onElement(element);
  }

  function walk(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
    walker.fresh = true;
    trees.push(walker);
    schedule();
  }

  function changed(records) {
    let removed = false;
    for (const { type, target, addedNodes, removedNodes } of records) {
      if (type === "attributes") singles.add(target);
      for (const node of addedNodes) if (node instanceof Element && !node.dataset?.medlensLayer) walk(node);
      removed ||= removedNodes.length > 0;
    }
    if (removed) onRemoved();
    schedule();
  }

  const loaded = ({ target }) => {
    if (target instanceof Element) singles.add(target);
    schedule();
  };

  function watch(root) {
    if (roots.has(root) || stopped) return;
    const observer = new MutationObserver(changed);
    observer.observe(root, WATCHED);
    root.addEventListener("load", loaded, true);
    roots.set(root, observer);
    walk(root);
  }

  function stop() {
    stopped = true;
    clearTimeout(timer);
    for (const [root, observer] of roots) {
      observer.disconnect();
      root.removeEventListener("load", loaded, true);
    }
    roots.clear();
    trees.length = 0;
    singles.clear();
  }

  // Standard elements that may have a shadow root; checking every element of a page would take too long.
  const HOSTS = new Set(["article", "aside", "blockquote", "body", "div", "footer", "header", "main", "nav", "p", "section", "span"]);
  watch(document);
  return { stop };
});
