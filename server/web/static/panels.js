// A figure's panels: pointing at a panel or at its verdict outlines it in the image.
export function panels(root) {
  const boxes = [...root.querySelectorAll("[data-box]")];
  const listed = [...root.querySelectorAll("[data-panel]")];
  const show = (number) => {
    for (const one of boxes) one.classList.toggle("pointed", one.dataset.box === number);
    for (const one of listed) one.classList.toggle("pointed", one.dataset.panel === number);
  };
  for (const one of [...boxes, ...listed]) {
    const number = one.dataset.panel ?? one.dataset.box;
    one.addEventListener("pointerenter", () => show(number));
    one.addEventListener("pointerleave", () => show(null));
    one.addEventListener("focus", () => show(number));
    one.addEventListener("blur", () => show(null));
  }
}
