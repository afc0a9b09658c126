// The kind of a chosen file by its first bytes, so that other files of a folder are skipped before anything is sent. The service
// decides again by the same rules (server/source/kind.py); a test compares the two.
const HEAD = 4096; // bytes that are read
const PDF_SEARCH = 1024; // bytes of junk before %PDF- that readers put up with
const MAX_FIRST_VALUE = 1024; // bytes; the first element of an old DICOM file is a length or the name of a character set
const STARTS = ["\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "GIF87a", "GIF89a", "II*\0", "MM\0*", "II+\0", "MM\0+"];
const BMP_HEADERS = [12, 16, 40, 52, 56, 64, 108, 124];
// A page, which may mention "%PDF": white space, an XML declaration, comments and a doctype, then a tag that begins a page.
const PAGE =
  /^\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(!doctype\s+(html|svg)|html|head|body|title|meta|script|style|iframe|table|div|svg|h1|p|br|a|b|font)[\s>/]/is;
// A program's message in HTML may stand before a PDF: its mark, a comment of binary signs, the first object.
const PDF_BEGINS = /%PDF-\d\.\d[\r\n ]+(?:%[^\r\n]*[\r\n]+)*\d+ \d+ obj[\r\n ]*(?:<<|\[|\d)/;
const DICOM_NAME = /\.(dcm|dicom|ima)$/i;

/** "pdf", "image", "dicom", or null for other files and unreadable ones. */
export async function kindOf(file) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  } catch {
    return null; // it was moved or may not be read
  }
  const head = String.fromCharCode(...bytes); // a character a byte
  const view = new DataView(bytes.buffer);
  if (head.slice(128, 132) === "DICM" || isBareDicom(head, view, file.name)) return "dicom";
  if (isImage(head, view)) return "image";
  if (PAGE.test(head)) return isPdfBehindText(head) ? "pdf" : null;
  return head.slice(0, PDF_SEARCH).includes("%PDF-") ? "pdf" : null;
}

function isPdfBehindText(head) {
  const at = head.search(PDF_BEGINS);
  return at >= 0 && at <= PDF_SEARCH;
}

function isImage(head, view) {
  if (STARTS.some((start) => head.startsWith(start))) return true;
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return true;
  if (head.slice(4, 8) === "ftyp") {
    const brands = [head.slice(8, 12)];
    for (let at = 16; at < Math.min(view.getUint32(0), 256); at += 4) brands.push(head.slice(at, at + 4));
    return brands.some((brand) => brand === "avif" || brand === "avis");
  }
  return head.startsWith("BM") && head.length >= 18 && BMP_HEADERS.includes(view.getUint32(14, true));
}

/** Old DICOM files begin directly with an element of group 2 or 8: tag, then a type of two capitals or a small length. */
function isBareDicom(head, view, name) {
  const little = /^[\x02\x08]\0.\0/s.test(head);
  const big = /^\0[\x02\x08]\0/.test(head);
  if (head.length < 8 || !(little || big)) return false;
  return /^[A-Z]{2}$/.test(head.slice(4, 6)) || (DICOM_NAME.test(name) && view.getUint32(4, little) <= MAX_FIRST_VALUE);
}
