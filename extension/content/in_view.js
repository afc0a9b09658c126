// Scrolls an element into view, so that it can be taken from the screen, and afterwards restores the page's scroll positions.
medlens.define("in_view", () => {
  const SETTLE_MS = 120; // milliseconds after scrolling until the element is drawn
  const moved = new Map(); // scrolled element -> its [left, top] before

  function remember(element) {
    for (let one = element; one; one = one.parentElement ?? one.getRootNode().host) {
      if (!moved.has(one)) moved.set(one, [one.scrollLeft, one.scrollTop]);
    }
    const page = document.scrollingElement;
    if (page && !moved.has(page)) moved.set(page, [page.scrollLeft, page.scrollTop]);
  }

  const layer = () => document.querySelector("[data-medlens-layer]");

  /** The position of this frame in the window, in CSS pixels; null if a frame of another site is in between. */
  function origin() {
    let [x, y] = [0, 0];
    for (let one = window; one !== top; one = one.parent) {
      try {
        const { left, top: above } = one.frameElement.getBoundingClientRect();
        [x, y] = [x + left + one.frameElement.clientLeft, y + above + one.frameElement.clientTop];
      } catch {
        return null;
      }
    }
    return [x, y, top.innerWidth, top.innerHeight];
  }

  const visible = ({ left, top, right, bottom }) => left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;

  /**
   * {x, y, width, height, window: [width, height]}: the visible part of element `id` in CSS pixels of the window. null: it is out
   * of sight; false: it is in a frame whose position cannot be determined. */
  async function bring(id) {
    const element = medlens.collector.element(id);
    if (!element?.isConnected || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return null;
    remember(element);
    if (layer()) layer().style.visibility = "hidden";
    if (window !== top || !visible(element.getBoundingClientRect())) {
      element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const [at, box] = [origin(), element.getBoundingClientRect()];
    if (!at) return false;
    const [x, y] = [Math.max(0, box.left + at[0]), Math.max(0, box.top + at[1])];
    const [width, height] = [Math.min(at[2], box.right + at[0]) - x, Math.min(at[3], box.bottom + at[1]) - y];
    return Math.min(width, height) < medlens.collector.LEAST_SIDE ? null : { x, y, width, height, window: [at[2], at[3]] };
  }

  function restore() {
    for (const [element, [left, top]] of moved) element.scrollTo({ left, top, behavior: "instant" });
    moved.clear();
    if (layer()) layer().style.visibility = "";
  }

  return { bring, restore };
});
