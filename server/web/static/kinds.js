// What a chosen file is, by its first bytes, so that a folder's notes and programs are left out before anything is sent. The service
// looks again and decides. No names are trusted but those of old DICOM files, which carry no mark.
const HEAD = 132;
const STARTS = [
  ["pdf", [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ["image", [0xff, 0xd8, 0xff]],
  ["image", [0x89, 0x50, 0x4e, 0x47]],
  ["image", [0x47, 0x49, 0x46, 0x38]],
  ["image", [0x42, 0x4d]],
  ["image", [0x49, 0x49, 0x2a, 0x00]],
  ["image", [0x4d, 0x4d, 0x00, 0x2a]],
  ["image", [0x49, 0x49, 0x2b, 0x00]],
  ["image", [0x4d, 0x4d, 0x00, 0x2b]],
];
const BARE_DICOM = /\.(dcm|dicom|ima)$|^[^.]+$/i;

const ascii = (bytes, from, to) => String.fromCharCode(...bytes.slice(from, to));

/** "pdf", "image", "dicom", or null for what is none of these or cannot be read. */
export async function kindOf(file) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  } catch {
    return null; // it was moved or may not be read
  }
  if (ascii(bytes, 128, 132) === "DICM") return "dicom";
  const found = STARTS.find(([, start]) => start.every((byte, at) => bytes[at] === byte));
  if (found) return found[0];
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 12) === "WEBP") return "image";
  if (ascii(bytes, 4, 8) === "ftyp" && /avi[fs]/.test(ascii(bytes, 8, 64))) return "image";
  return [0x02, 0x08].includes(bytes[0]) && bytes[1] === 0 && BARE_DICOM.test(file.name) ? "dicom" : null;
}
