// Lets a page scroll that a consent banner or a wall of a pop-up holds fast. Clicks nothing, so nobody consents to anything: it undoes
// scroll locks by style and hides fixed boxes that cover much of the window without holding the page's own content.
() => {
  const COVERS = 0.35;       // of the window; a header or a cookie strip at the foot covers less and may stay
  const HOLDS_CONTENT = 0.5; // of all elements and images: then it is the page itself (an application's shell)
  const MAX_LOOKED_AT = 5000;
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
  for (const element of [...all].slice(0, MAX_LOOKED_AT)) {
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
