// How a sample is shown: a picture, a text or a table row, large or as a thumbnail.

import { h } from "./element.js";

const IMAGES = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);
const SMALL = 160; // pixels: up to here a picture is enlarged by whole pixels
const LARGE_SIDE = 320;
const THUMBNAIL = { width: 160, height: 160 };
const SHRINK_BELOW = 0.75; // a picture that is little larger than its place is scaled as it is painted
const MOST_MARKS = 300;
const SNIPPET = 160; // characters of a text in a thumbnail
const SHOWN_COLUMNS = 5; // of a table row in a thumbnail; the source puts those first that tell most

/**
 * { node, decoded, url, full }: the node (there once `decoded` has settled), a promise of whether it could be decoded, the
 * URL to free, and what makes the same at full size where the node is smaller. box: {width, height} to fill, in CSS pixels.
 */
export function exhibit(card, box) {
  const { mime, media } = card;
  if (IMAGES.has(mime) && media.byteLength > 0) return picture(card, { side: LARGE_SIDE, alt: "The sample to label", box });
  if (mime === "text/plain") return shown(h("div", { class: "dq-text", dir: "auto", tabindex: 0, role: "group", "aria-label": "The text to label" }, ...marked(decodeText(media), card.cues ?? [])));
  if (mime === "application/json") return tableRow(card);
  return { node: cannotShow(`there is no picture of ${card.sample_id}`), decoded: Promise.resolve(false) };
}

/** The same for a place of the grid. */
export function thumbnail(card) {
  if (card.mime === "application/json") return smallRow(card);
  if (card.mime !== "text/plain") return picture(card, { side: 0, alt: "", box: THUMBNAIL });
  const text = decodeText(card.media);
  return shown(h("span", { class: "dq-snippet", dir: "auto" }, text.length > SNIPPET ? `${text.slice(0, SNIPPET)}…` : text));
}

const shown = (node) => ({ node, decoded: Promise.resolve(true) });
const decodeText = (bytes) => new TextDecoder().decode(bytes);

/**
 * A picture that is decoded, and shrunk to what the stage shows, before it is needed, on another thread: putting it on
 * the screen is then only a swap. Its full size is decoded when somebody zooms.
 */
function picture(card, { side, alt, box }) {
  const blob = new Blob([card.media], { type: card.mime });
  if (card.mime === "image/gif" || typeof createImageBitmap === "undefined") return element(card, blob, { side, alt });
  const made = { node: null };
  made.decoded = bitmapOf(blob, box).then(
    ({ bitmap, width, height }) => {
      const canvas = h("canvas", { width: bitmap.width, height: bitmap.height, class: "dq-picture", ...(alt ? { role: "img", "aria-label": alt } : { "aria-hidden": "true" }) });
      canvas.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
      enlarge(canvas, { width, height, side });
      made.node = canvas;
      if (alt && Math.max(width, height) > SMALL) made.full = () => element(card, blob, { side, alt });
      return true;
    },
    () => {
      made.node = cannotShow(`the picture of ${card.sample_id} cannot be decoded`);
      return false;
    },
  );
  return made;
}

async function bitmapOf(blob, box) {
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const scale = Math.min(box.width / width, box.height / height) * (window.devicePixelRatio || 1);
  if (scale >= SHRINK_BELOW) return { bitmap, width, height };
  const size = { resizeWidth: Math.max(1, Math.round(width * scale)), resizeHeight: Math.max(1, Math.round(height * scale)) };
  const small = await createImageBitmap(bitmap, { ...size, resizeQuality: "high" });
  bitmap.close();
  return { bitmap: small, width, height };
}

/** Tiny pictures are shown in whole multiples of their pixels. */
function enlarge(node, { width, height, side }) {
  const longest = Math.max(width, height);
  if (longest > SMALL) return;
  node.classList.add("dq-pixelated");
  const scale = Math.max(1, Math.floor(side / longest));
  if (side) Object.assign(node.style, { width: `${width * scale}px`, height: `${height * scale}px` });
}

/** The browser's own element: for what moves, and at full size. */
function element(card, blob, { side, alt }) {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  image.decoding = "sync"; // the picture is in the same frame as what is said about it
  image.draggable = false;
  image.className = "dq-picture";
  image.alt = alt;
  image.src = url;
  const made = { node: image, url };
  made.decoded = image.decode().then(
    () => {
      enlarge(image, { width: image.naturalWidth, height: image.naturalHeight, side });
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

function rowOf(media) {
  try {
    const row = JSON.parse(decodeText(media));
    return { cells: Object.entries(row).map(([name, value]) => ({ name, value, text: cellText(value) })) };
  } catch (error) {
    return { trouble: error.message };
  }
}

const cellText = (value) => (value === null ? "missing" : typeof value === "object" ? JSON.stringify(value) : String(value));

/** A table row, each value beside what it speaks for where the source says so (`card.leans`: column to class). */
function tableRow({ media, leans = {} }) {
  const { cells, trouble } = rowOf(media);
  if (trouble) return { node: cannotShow(trouble), decoded: Promise.resolve(false) };
  const leaning = cells.some(({ name }) => leans[name]);
  const lines = cells.map(({ name, value, text }) => {
    const style = value === null ? "dq-missing" : typeof value === "number" ? "dq-number" : null;
    const lean = leaning ? h("td", { class: "dq-lean", dir: "auto" }, leans[name] ?? "") : null;
    return h("tr", {}, h("th", { scope: "row", dir: "auto" }, name), h("td", { class: style, dir: "auto" }, text), lean);
  });
  const heads = ["Column", "Value", "Speaks for"].map((name) => h("th", { scope: "col" }, name));
  const head = leaning ? h("thead", {}, h("tr", {}, ...heads)) : null;
  const table = h("table", { class: "dq-row" }, head, h("tbody", {}, ...lines));
  return shown(h("div", { class: "dq-rows", tabindex: 0, role: "group", "aria-label": "The row to label" }, table));
}

function smallRow({ media }) {
  const { cells, trouble } = rowOf(media);
  if (trouble) return { node: cannotShow(trouble), decoded: Promise.resolve(false) };
  const lines = cells.slice(0, SHOWN_COLUMNS).map(({ name, text }) => h("span", { class: "dq-small-row", title: `${name}: ${text}` }, `${name} ${text}`));
  return shown(h("span", { class: "dq-snippet" }, ...lines));
}

function cannotShow(text) {
  return h("p", { class: "dq-broken" }, `This sample cannot be shown: ${text}. Skip it or flag it.`);
}
