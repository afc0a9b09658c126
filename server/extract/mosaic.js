// Draws tiles as one image, as the page shows them; returns it as PNG in a data: URL, or null. Runs on a blank page of ours.
// `tiles`: [data: URL, x, y, width, height] in CSS pixels from the corner of the whole image; `size`: that of the whole image;
// `limit`: most pixels of a side. The image has the tiles' own resolution.
async (tiles, size, limit) => {
  const images = await Promise.all(tiles.map(async ([source]) => {
    const image = new Image();
    image.src = source;
    try { await image.decode(); } catch { return null; }
    return image;
  }));
  const scales = tiles.map(([, , , width], index) => (images[index] ? images[index].naturalWidth / width : 0)).sort((a, b) => a - b);
  const scale = Math.min(scales[Math.floor(scales.length / 2)], limit / Math.max(...size));
  if (!(scale > 0)) return null;
  const canvas = new OffscreenCanvas(Math.round(size[0] * scale), Math.round(size[1] * scale));
  const paper = canvas.getContext("2d");
  tiles.forEach(([, x, y, width, height], index) => {
    if (!images[index]) return;
    const [left, top] = [Math.round(x * scale), Math.round(y * scale)];
    paper.drawImage(images[index], left, top, Math.round((x + width) * scale) - left, Math.round((y + height) * scale) - top);
  });
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  });
}
