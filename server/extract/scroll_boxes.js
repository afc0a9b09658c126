// Scrolls the scrollable boxes of one frame (galleries, rows of slides, application shells, the frame itself), so that they request
// what they load lazily; images and frames with loading=lazy are requested at once. `medlensHomes` has the first position of each
// box, because scrolling one box into view moves those around it, also in other frames. `options`: {top, minSide, maxBoxes,
// maxSteps, budgetMs, viewers}. Returns {boxes: scrolled by this call, unfinished: of all calls}. A second call scrolls only boxes
// that are new or have grown. `closed`: the frame's closed shadow roots.
async (options, ...closed) => {
  const MAX_ELEMENTS = 20_000;
  const SLACK = 20;   // pixels by which content may exceed its box without being scrolled
  const STEP = 0.9;   // share of the box, so that every element is visible once
  if (options.viewers.includes(location.href)) return { boxes: 0, unfinished: 0 };  // its file is read instead
  const started = performance.now();
  const late = () => performance.now() - started > options.budgetMs;
  const done = (globalThis.medlensScrolled ??= new WeakMap());  // box: [width, height] that it was scrolled to
  const homes = (globalThis.medlensHomes ??= new Map());
  const frame = () => new Promise((next) => { requestAnimationFrame(next); setTimeout(next, 60); });
  const PICTURES = "img, picture, canvas, iframe, video, object, [style*='url('], [data-src], [data-bg], [data-srcset], [data-original]";
  const root = document.scrollingElement || document.documentElement;

  const ranges = (box) => {
    if (box.clientWidth < options.minSide || box.clientHeight < options.minSide) return null;
    const down = box.scrollHeight - box.clientHeight > SLACK, across = box.scrollWidth - box.clientWidth > SLACK;
    if (!down && !across) return null;
    const style = getComputedStyle(box);
    const whole = box === root;
    const pictures = whole || box.querySelector(PICTURES) !== null;
    // A hidden overflow belongs to a slider, which matters only with images. Lines of code scroll sideways and contain no image.
    const moves = (value, hidden) => whole || /auto|scroll/.test(value) || (hidden && value === "hidden" && pictures);
    const found = { down: down && moves(style.overflowY, false), across: across && pictures && moves(style.overflowX, true), pictures };
    return found.down || found.across ? found : null;
  };
  const grown = (box) => {
    const [width, height] = done.get(box) ?? [-1, -1];
    return box.scrollWidth > width + SLACK || box.scrollHeight > height + SLACK;
  };

  if (!homes.has(root)) homes.set(root, [root.scrollLeft, root.scrollTop]);
  const MAX_EAGER = 500;  // as many images as one scan judges by default
  const MAX_VIDEOS = 8;
  const VIDEO_WAIT_MS = 3000;
  const videos = [];
  const boxes = [];
  const consider = (element) => {
    const range = ranges(element);
    if (range && grown(element)) boxes.push([element, range]);
  };
  const roots = [document, ...closed];
  const seen = new Set(roots);
  let looked = 0, eager = 0;
  if (!options.top) consider(root);
  while (roots.length && looked < MAX_ELEMENTS && !late()) {
    for (const element of roots.shift().querySelectorAll("*")) {
      if ((looked += 1) > MAX_ELEMENTS) break;
      if (element.shadowRoot && !seen.has(element.shadowRoot)) { seen.add(element.shadowRoot); roots.push(element.shadowRoot); }
      if (element.loading === "lazy" && (eager += 1) <= MAX_EAGER) element.loading = "eager";
      if (element.localName === "video" && !element.poster && videos.length < MAX_VIDEOS) videos.push(element);
      if (element !== root && element !== document.body) consider(element);
    }
  }

  for (const video of videos.filter((one) => one.readyState < one.HAVE_CURRENT_DATA)) {
    [video.muted, video.preload] = [true, "auto"];
    video.play().catch(() => {});  // a video without a frame is counted
  }
  const open = (globalThis.medlensUnfinished ??= new Set());
  for (const [box] of boxes.slice(options.maxBoxes)) open.add(box);
  for (const [box, range] of boxes.slice(0, options.maxBoxes)) {
    open.add(box);
    if (late()) continue;
    if (!homes.has(box)) homes.set(box, [box.scrollLeft, box.scrollTop]);
    const [width, height] = done.get(box) ?? [0, 0];
    box.scrollIntoView({ block: box === root ? "start" : "center", inline: "nearest", behavior: "instant" });
    await frame();
    let steps = 0;
    const walk = async (axis, extent, view, from) => {
      for (let at = Math.max(0, from - box[view]); ; at += box[view] * STEP) {
        if (late() || steps >= options.maxSteps) return false;
        const end = box[extent] - box[view];
        // Without images only the end matters: lists may grow there.
        box.scrollTo({ [axis]: range.pictures ? Math.min(at, end) : end, behavior: "instant" });
        steps += 1;
        await frame();
        await frame();
        if (at >= box[extent] - box[view] || !range.pictures) return true;
      }
    };
    const style = box.style.scrollSnapType;
    box.style.scrollSnapType = "none";
    const ended = (!range.across || await walk("left", "scrollWidth", "clientWidth", width))
      && (!range.down || await walk("top", "scrollHeight", "clientHeight", height));
    box.style.scrollSnapType = style;
    done.set(box, [box.scrollWidth, box.scrollHeight]);
    if (ended) open.delete(box);
  }
  const since = performance.now();
  const comes = (video) => !video.error && video.networkState !== video.NETWORK_NO_SOURCE;
  const waits = () => videos.some((one) => one.readyState < one.HAVE_CURRENT_DATA && comes(one));
  while (waits() && performance.now() - since < VIDEO_WAIT_MS) await frame();
  return { boxes: Math.min(boxes.length, options.maxBoxes), unfinished: open.size };
}
