// How a sample is shown: a picture, a text or a table row, large or as a thumbnail.

import { h } from "./element.js";

const IMAGES = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);
const SMALL = 160; // pixels: up to here a picture is enlarged by whole pixels
const LARGE_SIDE = 320;
const MOST_MARKS = 300;
const SNIPPET = 160; // characters of a text in a thumbnail

/** { node, decoded, url }: the node, a promise of whether it could be decoded, and the URL to free. */
export function exhibit(card) {
  const { mime, media } = card;
  if (IMAGES.has(mime) && media.byteLength > 0) return picture(card, { side: LARGE_SIDE, alt: "The sample to label" });
  if (mime === "text/plain") return shown(h("div", { class: "dq-text", dir: "auto" }, ...marked(decodeText(media), card.cues ?? [])));
  if (mime === "application/json") return tableRow(media);
  return { node: cannotShow(`there is no picture of ${card.sample_id}`), decoded: Promise.resolve(false) };
}

/** The same for a place of the grid. */
export function thumbnail(card) {
  if (card.mime !== "text/plain") return picture(card, { side: 0, alt: "" });
  const text = decodeText(card.media);
  return shown(h("span", { class: "dq-snippet", dir: "auto" }, text.length > SNIPPET ? `${text.slice(0, SNIPPET)}…` : text));
}

const shown = (node) => ({ node, decoded: Promise.resolve(true) });
const decodeText = (bytes) => new TextDecoder().decode(bytes);

function picture(card, { side, alt }) {
  const url = URL.createObjectURL(new Blob([card.media], { type: card.mime }));
  const image = new Image();
  image.decoding = "sync"; // the picture is in the same frame as what is said about it
  image.draggable = false;
  image.alt = alt;
  image.src = url;
  const made = { node: image, url };
  made.decoded = image.decode().then(
    () => {
      const { naturalWidth: width, naturalHeight: height } = image;
      const longest = Math.max(width, height);
      if (longest <= SMALL) {
        image.classList.add("dq-pixelated");
        const scale = Math.max(1, Math.floor(side / longest));
        if (side) Object.assign(image.style, { width: `${width * scale}px`, height: `${height * scale}px` });
      }
      return true;
    },
    () => {
      made.node = cannotShow(`the picture of ${card.sample_id} cannot be decoded`);
      return false;
    },
  );
  return made;
}

/** The text as nodes, the cue words in it marked; at most `MOST_MARKS`, for a page slows down with thousands of nodes. */
function marked(text, cues) {
  if (!cues.length) return [text];
  const wanted = new Set(cues);
  const nodes = [];
  let from = 0;
  for (const { 0: word, index } of text.matchAll(/[\p{L}\p{N}_][\p{L}\p{N}_'’]+/gu)) {
    if (!wanted.has(word.toLowerCase())) continue;
    nodes.push(text.slice(from, index), h("mark", { class: "dq-cue" }, word));
    from = index + word.length;
    if (nodes.length >= 2 * MOST_MARKS) break;
  }
  return [...nodes, text.slice(from)];
}

function tableRow(media) {
  let row;
  try {
    row = JSON.parse(decodeText(media));
  } catch (error) {
    return { node: cannotShow(error.message), decoded: Promise.resolve(false) };
  }
  const lines = Object.entries(row).map(([name, value]) => {
    const text = value === null ? "missing" : typeof value === "object" ? JSON.stringify(value) : String(value);
    const style = value === null ? "dq-missing" : typeof value === "number" ? "dq-number" : null;
    return h("tr", {}, h("th", { scope: "row", dir: "auto" }, name), h("td", { class: style, dir: "auto" }, text));
  });
  return shown(h("table", { class: "dq-row" }, h("tbody", {}, ...lines)));
}

function cannotShow(text) {
  return h("p", { class: "dq-broken" }, `This sample cannot be shown: ${text}. Skip it or flag it.`);
}
