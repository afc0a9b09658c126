// Draws one SVG file as PNG, run on a blank page of its own: an SVG shown as an image runs no script and loads nothing.
// `size`: the longest side wanted in pixels, or 0 for its own; never more than `limit`. Returns {width, height, data} of the drawing,
// the size being the SVG's own, or null when it does not draw.
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
