// Scrolls the page by `step` window heights, or to its top if `step` is 0; returns the position after the page has drawn two frames.
// If the document does not scroll, the largest box that does is scrolled instead (application shells).
async (step) => {
  const MAX_ELEMENTS = 5000;
  const root = document.scrollingElement || document.documentElement;
  const scrolls = (element) =>
    element.scrollHeight > element.clientHeight + 100 && /auto|scroll/.test(getComputedStyle(element).overflowY);
  const range = root.scrollHeight - innerHeight;
  const largest = () => {
    let best = root, area = 0;
    for (const element of [...document.querySelectorAll("body, body *")].slice(0, MAX_ELEMENTS)) {
      const size = element.clientWidth * element.clientHeight;
      if (size > area && size > innerWidth * innerHeight * 0.3 && scrolls(element)
          && element.scrollHeight - element.clientHeight > range) { best = element; area = size; }
    }
    return best;
  };
  const box = range > innerHeight / 2 ? root : largest();
  const view = box === root ? innerHeight : box.clientHeight;
  box.scrollTo({ top: step ? box.scrollTop + view * step : 0, behavior: "instant" });
  const frame = () => new Promise((done) => { requestAnimationFrame(done); setTimeout(done, 100); });
  await frame();
  await frame();
  if (box.scrollTop + view + 2 >= box.scrollHeight) {  // scroll_boxes.js need not scroll it again
    (globalThis.medlensScrolled ??= new WeakMap()).set(box, [box.scrollWidth, box.scrollHeight]);
  }
  return { bottom: box.scrollTop + view, height: box.scrollHeight };
}
