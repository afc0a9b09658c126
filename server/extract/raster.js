// Renders one SVG file as PNG, on a blank page of its own: an SVG that is used as an image runs no scripts and loads nothing.
// `size`: the long side in pixels, or 0 for the SVG's own; at most `limit`. Returns {width, height, data} with the SVG's own size, or
// null when it cannot be rendered.
async (source, size, limit) => {
  const image = new Image();
  image.src = source;
  try { await image.decode(); } catch { return null; }
  const own = Math.max(image.naturalWidth, image.naturalHeight);
  if (!own) return null;
  const scale = Math.min(limit, size || own) / own;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return { width: image.naturalWidth, height: image.naturalHeight, data: canvas.toDataURL("image/png") };
}
