// One step down the page, or back to its top; returns where that led once the page had two frames to answer.
// Scrolls the document, or, where that does not scroll, the largest box that does (application shells).
async (step) => {
  const MAX_LOOKED_AT = 5000;
  const root = document.scrollingElement || document.documentElement;
  const scrolls = (element) =>
    element.scrollHeight > element.clientHeight + 100 && /auto|scroll/.test(getComputedStyle(element).overflowY);
  const range = root.scrollHeight - innerHeight;
  const largest = () => {
    let best = root, area = 0;
    for (const element of [...document.querySelectorAll("body, body *")].slice(0, MAX_LOOKED_AT)) {
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
  return { bottom: box.scrollTop + view, height: box.scrollHeight };
}
