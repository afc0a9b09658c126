// One row of the history, as `GET /api/scans` tells it: the same places that the server's template fills.
import { kindName, part, setStatus, text } from "./dom.js";

const template = document.getElementById("row");
const SVG = "http://www.w3.org/2000/svg";

export const nameOf = (scan) => scan.source.title?.trim() || scan.source.target;

function whence(scan) {
  try {
    return new URL(scan.url).hostname;
  } catch {
    const { kind, target } = scan.source;
    return kind === "folder" || nameOf(scan) === target ? "" : target.split("/").at(-1);
  }
}

export function says({ status, counts }) {
  if (counts.unique) return text("text:found_medical", { m: counts.medical, n: counts.unique });
  if (status === "queued") return text("text:found_waiting");
  return status === "running" ? text("text:found_so_far", { n: counts.found }) : text("text:found_none");
}

function shares(svg, counts) {
  let x = 0;
  const parts = Object.entries(counts.by_modality)
    .filter(([, n]) => n)
    .map(([modality, n]) => {
      const rect = document.createElementNS(SVG, "rect");
      const width = (n * 100) / counts.unique;
      rect.setAttribute("class", `fill-${modality}`);
      for (const [name, value] of Object.entries({ x, y: 0, width, height: 6 })) rect.setAttribute(name, String(value));
      x += width;
      return rect;
    });
  svg.replaceChildren(...parts);
}

function previews(list, shas) {
  if ([...list.children].map((item) => item.dataset.sha256).join() === shas.join()) return;
  list.replaceChildren(
    ...shas.map((sha256) => {
      const item = document.createElement("li");
      item.dataset.sha256 = sha256;
      const picture = new Image(48, 48);
      picture.alt = "";
      picture.src = `/api/images/${sha256}/thumbnail`;
      item.append(picture);
      return item;
    }),
  );
}

export function fill(row, scan) {
  part(row, "name").textContent = nameOf(scan);
  part(row, "kind").textContent = kindName(scan.source.kind);
  part(row, "host").textContent = whence(scan);
  part(row, "says").textContent = says(scan);
  shares(row.querySelector(".shares"), scan.counts);
  previews(row.querySelector(".previews"), scan.previews);
  setStatus(row.querySelector(".chip"), scan.status);
}

export function rowOf(scan) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.scan = scan.id;
  row.dataset.at = scan.created_at;
  part(row, "name").href = `/scans/${scan.id}`;
  const time = part(row, "time");
  time.dateTime = scan.created_at;
  time.textContent = text("text:just_now");
  fill(row, scan);
  return row;
}
