// The layer over the page: an outline and a label over each marked image, placed while the image is in view. Positions are read in one
// batch and written in one batch, for visible images only, so that a page with hundreds of images stays responsive.
medlens.define("label", () => (onChosen) => {
  const DRAW_MS = 5; // of each animation frame, for new labels; the browser needs about as long again to render them
  const { direction, language, text } = medlens.browser;
  const host = document.createElement("div");
  host.dataset.medlensLayer = "";
  const root = host.attachShadow({ mode: "closed" });
  medlens.overlay_css(root);
  const layer = document.createElement("div");
  layer.dir = direction();
  layer.lang = language();
  root.append(layer);
  document.documentElement.append(host);

  const drawn = new Map(); // element -> {box, name, dot, mark}
  const inView = new Set();
  const marks = new WeakMap(); // element -> mark
  let frame = 0;

  const seen = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) isIntersecting ? inView.add(target) : inView.delete(target);
      place();
    },
    { rootMargin: "25% 0px" },
  );
  const sized = new ResizeObserver(() => schedule());
  const schedule = () => (frame ||= requestAnimationFrame(() => ((frame = 0), place())));
  const moved = () => inView.size && schedule();

  function place() {
    const origin = host.getBoundingClientRect();
    const boxes = [...inView].map((element) => [element, element.getBoundingClientRect()]);
    for (const [element, { box }] of drawn) if (!inView.has(element)) box.hidden = true;
    const end = performance.now() + DRAW_MS;
    for (const [element, rect] of boxes) {
      if (!drawn.has(element) && performance.now() > end) {
        schedule(); // the rest is drawn in the next animation frame
        continue;
      }
      const { box } = drawn.get(element) ?? draw(element);
      box.hidden = rect.width < 2 || rect.height < 2;
      box.style.transform = `translate(${rect.left - origin.left}px, ${rect.top - origin.top}px)`;
      box.style.width = `${rect.width}px`;
      box.style.height = `${rect.height}px`;
    }
  }

  function draw(element) {
    const box = document.createElement("div");
    const button = document.createElement("button");
    const dots = document.createElement("span");
    const name = document.createElement("span");
    const share = document.createElement("span");
    button.className = "label";
    dots.className = "dots";
    button.type = "button";
    button.setAttribute("aria-haspopup", "dialog");
    share.className = "share";
    button.append(dots, name, share);
    button.addEventListener("click", () => onChosen(marks.get(element), button, element));
    box.append(button);
    layer.append(box);
    const made = { box, button, dots, name, share };
    drawn.set(element, made);
    write(made, marks.get(element));
    return made;
  }

  function write({ box, button, dots, name, share }, mark) {
    box.className = `mark ${mark.modality}${mark.sure ? "" : " unsure"}`;
    dots.replaceChildren(...dotsOf(mark));
    name.textContent = mark.words; // may be cut off over a narrow image
    share.textContent = mark.corrected ? " ✓" : mark.percent && ` ${mark.percent}`;
    button.title = `${mark.words}. ${text("mark_why")}`;
  }

  /** One dot for each modality that a figure contains. */
  function dotsOf({ modalities }) {
    return modalities.map((name) => Object.assign(document.createElement("span"), { className: `dot ${name}` }));
  }

  function show(element, mark) {
    const known = marks.has(element);
    marks.set(element, mark);
    if (drawn.has(element)) write(drawn.get(element), mark);
    if (known) return;
    seen.observe(element);
    sized.observe(element);
  }

  function hide(element) {
    seen.unobserve(element);
    sized.unobserve(element);
    inView.delete(element);
    marks.delete(element);
    drawn.get(element)?.box.remove();
    drawn.delete(element);
  }

  function remove() {
    cancelAnimationFrame(frame);
    seen.disconnect();
    sized.disconnect();
    document.removeEventListener("scroll", moved, true);
    removeEventListener("resize", moved);
    host.remove();
  }

  document.addEventListener("scroll", moved, { capture: true, passive: true });
  addEventListener("resize", moved);
  sized.observe(document.documentElement);
  return { show, hide, remove, moved: schedule, layer, origin: () => host.getBoundingClientRect() };
});
