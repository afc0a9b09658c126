// Unlocks the scrolling of a page that a consent banner or a pop-up has locked. Nothing is clicked, so no consent is given: styles
// that lock scrolling are overridden, and fixed boxes that cover much of the window and do not contain the page's own content are
// hidden.
() => {
  const COVERS = 0.35;       // share of the window; a header or a cookie strip at the foot covers less and stays
  const HOLDS_CONTENT = 0.5; // share of all elements or images; such a box is the page itself (an application shell)
  const MAX_ELEMENTS = 5000;
  const force = (element, name, value) => element.style.setProperty(name, value, "important");

  for (const element of [document.documentElement, document.body].filter(Boolean)) {
    const style = getComputedStyle(element);
    if (style.position === "fixed") force(element, "position", "static");
    if (!/hidden|clip/.test(style.overflowY)) continue;
    force(element, "overflow", "visible");
    if (element.scrollHeight > element.clientHeight + 100) force(element, "height", "auto");
  }
  const all = document.querySelectorAll("body *");
  const images = document.images.length;
  let hidden = 0;
  for (const element of [...all].slice(0, MAX_ELEMENTS)) {
    if (getComputedStyle(element).position !== "fixed" && !element.matches("dialog[open]")) continue;
    const box = element.getBoundingClientRect();
    const width = Math.min(box.right, innerWidth) - Math.max(box.left, 0);
    const height = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
    if (width <= 0 || height <= 0 || width * height < COVERS * innerWidth * innerHeight) continue;
    const holds = element.querySelectorAll("*").length > all.length * HOLDS_CONTENT && all.length > 20;
    const shows = images > 0 && element.querySelectorAll("img").length >= images * HOLDS_CONTENT;
    if (holds || shows) continue;
    force(element, "display", "none");
    hidden += 1;
  }
  return hidden;
}
