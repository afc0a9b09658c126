// The kind of a chosen file by its first bytes, so that other files of a folder are skipped before anything is sent. The service
// decides again by the same rules (server/source/kind.py); a test compares the two.
const HEAD = 4096; // bytes that are read
const PDF_SEARCH = 1024; // bytes of junk before %PDF- that PDF readers accept
const MAX_FIRST_VALUE = 1024; // bytes; the first element of an old DICOM file is a length or the name of a character set
const STARTS = ["\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "GIF87a", "GIF89a", "II*\0", "MM\0*", "II+\0", "MM\0+"];
// HEIC, JPEG XL and JPEG 2000, which the service turns into PNG.
const HEIC = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"];
const CONVERTED = ["\xff\n", "\0\0\0\x0cJXL \r\n\x87\n", "\0\0\0\x0cjP  \r\n\x87\n", "\xff\x4f\xff\x51"];
const BMP_HEADERS = [12, 16, 40, 52, 56, 64, 108, 124];
// A page, which may mention "%PDF": white space, an XML declaration, comments and a doctype, then a tag that begins a page.
const PAGE =
  /^\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(!doctype\s+(html|svg)|html|head|body|title|meta|script|style|iframe|table|div|svg|h1|p|br|a|b|font)[\s>/]/is;
// How a PDF begins after a program's message in HTML: its mark, a comment of binary characters, the first object.
const PDF_BEGINS = /%PDF-\d\.\d[\r\n ]+(?:%[^\r\n]*[\r\n]+)*\d+ \d+ obj[\r\n ]*(?:<<|\[|\d)/;
// An SVG drawing, which the service renders.
const SVG = /^\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*)*(<!doctype\s+svg[^>]*>\s*(<!--.*?-->\s*)*)?<(svg:)?svg[\s>]/is;
// Volumes: NIfTI at two places, and how the first line of a MetaImage begins.
const NIFTI = ["n+1\0", "ni1\0", "n+2\0", "ni2\0"];
const META_FIRST = ["ObjectType", "NDims", "Comment"];
// Documents are ZIPs whose first file is called mimetype, or lists the parts; archives begin with one of these marks, at an offset.
const ZIP_HEADER = 30; // bytes before the name of its first file
const DOCUMENT_TYPES = ["mimetypeapplication/vnd.oasis.opendocument", "mimetypeapplication/epub+zip"];
const DOCUMENT_NAME = /\.(pptx|docx|xlsx|ppsx|pptm|docm|odp|odt|epub)$/i;
const PACKED = [
  [0, "PK\x05\x06"], [0, "\x1f\x8b\x08"], [0, "\x28\xb5\x2f\xfd"], [4, "1AY&SY"], [0, "\xfd7zXZ\0"], [257, "ustar"],
];
const DICOM_NAME = /\.(dcm|dicom|ima)$/i;

/** "pdf", "image", "dicom", "volume", "archive", "document", "web_archive", or null for other files and unreadable ones. */
export async function kindOf(file) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  } catch {
    return null; // it was moved, or reading it is not permitted
  }
  const head = String.fromCharCode(...bytes); // one character for each byte
  const view = new DataView(bytes.buffer);
  if (head.slice(128, 132) === "DICM" || isBareDicom(head, view, file.name)) return "dicom";
  if (isImage(head, view)) return "image";
  if (PAGE.test(head)) return SVG.test(head) ? "image" : isPdfBehindText(head) ? "pdf" : null;
  if (head.slice(0, PDF_SEARCH).includes("%PDF-")) return "pdf";
  if (isVolume(head)) return "volume";
  return packedKind(head, file.name);
}

function isVolume(head) {
  if (NIFTI.includes(head.slice(344, 348)) || NIFTI.includes(head.slice(4, 8)) || head.startsWith("NRRD000")) return true;
  const lines = head.slice(0, 512).split("\n");
  return lines.length > 1 && META_FIRST.includes(lines[0].split("=")[0].trim()) && head.slice(0, 512).includes("NDims");
}

/** The kind of a packed file. What is inside a gzip file only the service can tell. */
function packedKind(head, name) {
  if (head.startsWith("PK\x03\x04")) {
    if (head.length < ZIP_HEADER) return null; // it is truncated
    if (/\.wacz$/i.test(name) || head.includes("datapackage.json")) return "web_archive";
    const isDocument = DOCUMENT_TYPES.some((type) => head.startsWith(type, 30)) || head.includes("[Content_Types].xml");
    return isDocument || DOCUMENT_NAME.test(name) ? "document" : "archive";
  }
  if (head.startsWith("WARC/")) return "web_archive";
  return PACKED.some(([at, mark]) => head.startsWith(mark, at)) ? "archive" : null;
}

function isPdfBehindText(head) {
  const at = head.search(PDF_BEGINS);
  return at >= 0 && at <= PDF_SEARCH;
}

function isImage(head, view) {
  if (CONVERTED.some((start) => head.startsWith(start))) return true;
  if (STARTS.some((start) => head.startsWith(start))) return true;
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return true;
  if (head.slice(4, 8) === "ftyp") {
    const brands = [head.slice(8, 12)];
    for (let at = 16; at < Math.min(view.getUint32(0), 256); at += 4) brands.push(head.slice(at, at + 4));
    return brands.some((brand) => brand === "avif" || brand === "avis") || HEIC.includes(brands[0]);
  }
  return head.startsWith("BM") && head.length >= 18 && BMP_HEADERS.includes(view.getUint32(14, true));
}

/** Old DICOM files begin directly with an element of group 2 or 8: a tag, then a type of two capitals or a small length. If neither a type
 * nor the file name shows that it is DICOM, further elements must follow. */
function isBareDicom(head, view, name) {
  const little = /^[\x02\x08]\0.\0/s.test(head);
  const big = /^\0[\x02\x08]\0/.test(head);
  if (head.length < 8 || !(little || big)) return false;
  if (/^[A-Z]{2}$/.test(head.slice(4, 6))) return true;
  const length = view.getUint32(4, little);
  if (length > MAX_FIRST_VALUE) return false;
  return DICOM_NAME.test(name) || (little && length % 2 === 0 && elementsFollow(view, 8 + length));
}

/** Whether three elements without types begin at `at`, in ascending order of their tags. */
function elementsFollow(view, at) {
  let before = view.getUint16(0, true) * 65536 + view.getUint16(2, true);
  for (let count = 0; count < 3; count++) {
    if (at + 8 > view.byteLength) return false;
    const group = view.getUint16(at, true);
    const tag = group * 65536 + view.getUint16(at + 2, true);
    const length = view.getUint32(at + 4, true);
    if (tag <= before || ![2, 8, 0x10, 0x18, 0x20, 0x28].includes(group) || length > MAX_FIRST_VALUE || length % 2) return false;
    before = tag;
    at += 8 + length;
  }
  return true;
}
