"use strict";
// The review screen: keys, fields, selection, queue. No library; every text goes in as text, and only
// fragments that our own server has escaped go in as HTML.

const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];
const keys = JSON.parse(document.body.dataset.keys);
const actionOf = Object.fromEntries(Object.entries(keys).map(([action, key]) => [key, action]));
const screen_ = $("#screen");
const state = { ids: [], at: 0, shownAt: 0, hiddenFor: 0, hiddenSince: 0, busy: false, waiting: [], finding: 0, picker: null, lastRejected: null };

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  node.append(...children);
  return node;
}

// --- telling

let noticeTimer = 0;
function tell(words, fault = false) {
  const notice = $("#notice");
  notice.textContent = words;
  notice.classList.toggle("fault", fault);
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { notice.hidden = true; }, fault ? 8000 : 2600);
}

// --- asking the server

async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(path, body === undefined
      ? { headers: { accept: "application/json" } }
      : { method: "POST", headers: { "content-type": "application/json", accept: "application/json" }, body: JSON.stringify(body) });
  } catch {
    tell("The server does not answer; nothing was decided. Is it still running?", true);
    return null;
  }
  let told = null;
  try { told = await answer.json(); } catch { /* not ours: told below */ }
  if (told === null) { tell(`The server answered ${answer.status}; nothing was decided.`, true); return null; }
  if (told.fault) tell(told.fault, true);
  return told;
}

// --- showing a deal

const deal = () => $("#deal");

function show(html, id) {
  closePicker();
  screen_.innerHTML = html;
  state.finding = 0;
  state.shownAt = performance.now();
  state.hiddenFor = 0;
  const place = id === undefined ? -1 : state.ids.indexOf(id);
  if (place >= 0) state.at = place;
  const shown = deal();
  if (!shown) return;
  applyDraft();
  toEvidence();
  history.replaceState(null, "", `/review/deal/${encodeURIComponent(shown.dataset.id)}${queueSuffix("?")}`);
}

const queueSuffix = (lead) => { const spec = $("[data-queue]")?.dataset.queue; return spec ? lead + spec : ""; };

function toEvidence() {
  const box = $(".finding:not([hidden]) .passage");
  if (!box) return;
  for (const size of ["tight", "tighter"]) if (box.scrollHeight > box.clientHeight) { box.classList.remove("tight"); box.classList.add(size); }
  const first = $(".evidence", box);
  if (first && box.scrollHeight > box.clientHeight) box.scrollTop = Math.max(0, first.offsetTop - box.offsetTop - box.clientHeight / 4);
}

function seconds() {
  return Math.min(3600, Math.max(0, (performance.now() - state.shownAt - state.hiddenFor) / 1000));
}

async function refill() {
  if (!screen_.dataset.more || state.ids.length - state.at > 15) return;
  screen_.dataset.more = "";
  const told = await ask(`/review/ids?after=${encodeURIComponent(state.ids.at(-1) ?? "")}${queueSuffix("&")}`);
  if (!told || told.fault) { screen_.dataset.more = "yes"; return; }
  const known = new Set(state.ids);
  state.ids.push(...told.ids.filter((id) => !known.has(id)));
  screen_.dataset.more = told.more ? "yes" : "";
}

async function go(step) {
  const to = state.at + step;
  if (to < 0) return tell("This is the first deal of the queue.");
  if (to >= state.ids.length) return tell("This is the last deal of the queue.");
  const told = await ask(`/review/fragment/${encodeURIComponent(state.ids[to])}${queueSuffix("?")}`);
  if (told && told.html) { state.at = to; show(told.html, state.ids[to]); refill(); }
}

// --- deciding

async function decide(action, more = {}) {
  const shown = deal();
  if (!shown) return;
  const id = shown.dataset.id;
  const next = state.ids[state.at + 1] ?? null;
  const told = await ask(`/review/decide${queueSuffix("?")}`, {
    action, deal: id, version: shown.dataset.version, seconds: seconds(), machine_shown: Boolean(shown.dataset.shown), next, ...more,
  });
  if (!told) return;
  if (told.fault) { if (told.html) show(told.html, id); return; }
  forgetDraft(id);
  if (action === "reject") state.lastRejected = { id, label: shown.dataset.label };
  if (told.stay) { show(told.html, told.id); }
  else { state.at = Math.min(state.at + 1, state.ids.length); show(told.html, told.id); }
  counted(told);
  if (told.told) tell(told.told);
  refill();
}

function counted(told) { const place = $(".bar .told"); if (place && told.counts) place.textContent = told.counts; }

async function undo() {
  const told = await ask(`/review/undo${queueSuffix("?")}`, {});
  if (!told || told.fault) return;
  if (!screen_) { location.reload(); return; }
  if (told.id) {
    let place = state.ids.indexOf(told.id);
    if (place < 0) { state.ids.splice(state.at, 0, told.id); place = state.at; }
    state.at = place;
    show(told.html, told.id);
  }
  counted(told);
  tell(told.told);
}

// --- drafts: what was corrected but not yet accepted outlives a reload

const draftKey = (id) => `watchledger-draft-${id}`;
function draft() { try { return JSON.parse(localStorage.getItem(draftKey(deal().dataset.id)) || "{}"); } catch { return {}; } }
function keepDraft(values) {
  const key = draftKey(deal().dataset.id);
  if (Object.keys(values).length) localStorage.setItem(key, JSON.stringify(values)); else localStorage.removeItem(key);
}
function forgetDraft(id) { localStorage.removeItem(draftKey(id)); }

function applyDraft() {
  for (const [name, value] of Object.entries(draft())) showChange(name, value);
}

function showChange(name, value) {
  const row = $(`.field[data-field="${name}"]`);
  if (!row) return;
  if (!row.dataset.was) row.dataset.was = $(".value", row).textContent || "blank";
  row.classList.add("changed");
  $(".value", row).textContent = value.shown;
  $(".value", row).title = `${value.shown} (was ${row.dataset.was})`;
  const raw = $(".raw", row);
  raw.replaceChildren(make("span", { class: "was" }, `was ${row.dataset.was}`), value.note ? ` · ${value.note}` : "");
}

function drafted() {
  const columns = {};
  const spans = [];
  for (const [name, value] of Object.entries(draft())) { Object.assign(columns, value.columns); if (value.span) spans.push({ field: name, ...value.span }); }
  return { columns, spans };
}

// The deal's values as they stand on the screen, the machine's with the corrections over them.
function standing() { return { ...JSON.parse(deal().dataset.values), ...drafted().columns }; }

// --- fields and their picker

function openPicker(name) {
  const row = $(`.field[data-field="${name}"]`);
  if (!row) return;
  closePicker();
  row.classList.add("active");
  const several = Boolean(row.dataset.several);
  const chosen = new Set(several ? standing()[name] || [] : []);
  const offered = JSON.parse(deal().dataset.candidates)[name] || [];
  state.picker = { name, row, several, chosen, offered, list: offered, at: -1, kind: "field" };
  const selected = selection();
  drawPicker($(".label", row).textContent, row.dataset.several ? "1–9 on and off · letters search · Enter or esc done" : "1–9 take · letters search · Enter takes · Backspace empties · esc leaves");
  if (selected) take(selected.text, selected);
}

function openReasons() {
  if (!state.lastRejected) return tell("Nothing has been rejected yet.");
  const offered = ["not surveillance technology", "no deal is told", "wrong vendor", "wrong country", "same deal elsewhere", "comparison or background only", "hypothetical or denied", "page is no article"];
  state.picker = { kind: "reason", offered, list: offered, at: -1, several: false, chosen: new Set(), row: null };
  drawPicker(`Why was ${state.lastRejected.label} rejected?`, "1–9 take · or type and Enter · esc leaves");
}

function drawPicker(label, hint) {
  const box = $("#picker");
  const input = make("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": label });
  input.addEventListener("input", search);
  box.replaceChildren(make("div", { class: "ask" }, make("label", {}, label), input), make("ol"), make("div", { class: "fault", role: "alert" }), make("div", { class: "hint" }, hint));
  box.hidden = false;
  drawList();
}

function drawList() {
  const picker = state.picker;
  const list = $("#picker ol");
  list.classList.toggle("few", picker.list.length < 7);
  list.replaceChildren(...picker.list.slice(0, picker.several ? 15 : 9).map((item, i) => {
    const value = item.value ?? item;
    const line = make("li", {}, i < 9 ? make("kbd", {}, String(i + 1)) : "", make("span", { title: value }, value.replaceAll("_", " ")), item.why ? make("small", {}, item.why) : "");
    line.classList.toggle("on", picker.chosen.has(value));
    line.classList.toggle("at", i === picker.at);
    line.addEventListener("mousedown", (event) => { event.preventDefault(); pick(i); });
    return line;
  }));
}

function closePicker() {
  const box = $("#picker");
  if (!state.picker) return;
  if (state.picker.row) state.picker.row.classList.remove("active");
  state.picker = null;
  if (box) { box.hidden = true; box.replaceChildren(); }
}

function pick(i) {
  const picker = state.picker;
  const item = picker.list[i];
  if (item === undefined) return;
  const value = item.value ?? item;
  if (!picker.several) { take(value, item.span ? { ...item.span } : null); return; }
  if (picker.chosen.has(value)) picker.chosen.delete(value); else picker.chosen.add(value);
  $("#picker input").value = "";
  picker.list = picker.offered;
  drawList();
  take([...picker.chosen].join(", "), null, true);
}

// Take a raw value into the open field: the server reads it, and refuses with the reason what is no such value.
async function take(raw, span = null, stays = false) {
  const picker = state.picker;
  if (picker.kind === "reason") { giveReason(raw); return; }
  state.busy = true;
  const told = await ask("/review/check", undefinedless({ field: picker.name, raw, deal: standing() }));
  state.busy = false;
  if (!told || state.picker !== picker) return;
  if (told.problem) { state.waiting = []; $("#picker .fault").textContent = told.problem; const input = $("#picker input"); input.value = raw; input.focus(); return; }
  const values = draft();
  const columns = told.columns;
  values[picker.name] = { columns, shown: told.shown, raw, note: told.note, span: span && span.start !== undefined ? { article: span.article, start: span.start, end: span.end } : null };
  const machine = JSON.parse(deal().dataset.values);
  const same = Object.entries(columns).every(([column, value]) => JSON.stringify(machine[column] ?? null) === JSON.stringify(value ?? null));
  if (same) delete values[picker.name];
  keepDraft(values);
  if (same) restore(picker.row); else showChange(picker.name, values[picker.name]);
  if (columns.vendor_country && picker.name === "vendor") showChange("vendor_country", { shown: told.home, note: "with the vendor" });
  if (!stays) closePicker();
  drain();
}

const undefinedless = (body) => JSON.parse(JSON.stringify(body));

function restore(row) {
  if (!row.dataset.was) return;
  row.classList.remove("changed");
  $(".value", row).textContent = row.dataset.was === "blank" ? "" : row.dataset.was;
  $(".raw", row).replaceChildren();
  delete row.dataset.was;
}

async function giveReason(reason) {
  const rejected = state.lastRejected;
  closePicker();
  const told = await ask(`/review/reason${queueSuffix("?")}`, { deal: rejected.id, reason });
  if (told && !told.fault) tell(`Reason noted: ${reason}`);
}

let searchTimer = 0;
function search() {
  const picker = state.picker;
  const begun = $("#picker input").value;
  $("#picker .fault").textContent = "";
  picker.at = -1;
  const low = begun.trim().toLowerCase();
  const near = low ? picker.offered.filter((item) => (item.value ?? item).toLowerCase().replaceAll("_", " ").includes(low)) : picker.offered;
  picker.list = near;
  drawList();
  clearTimeout(searchTimer);
  if (!low || picker.kind !== "field") return;
  searchTimer = setTimeout(async () => {
    const told = await ask(`/review/complete?field=${encodeURIComponent(picker.name)}&begun=${encodeURIComponent(begun)}`);
    if (!told || told.fault || state.picker !== picker || $("#picker input").value !== begun) return;
    const known = new Set(near.map((item) => item.value ?? item));
    picker.list = [...near, ...told.names.filter((name) => !known.has(name)).map((value) => ({ value, why: "lexicon" }))];
    drawList();
  }, 80);
}

function pickerKey(event) {
  const input = $("#picker input");
  const typing = document.activeElement === input;
  const picker = state.picker;
  const length = Math.min(picker.list.length, picker.several ? 15 : 9);
  if (event.key === "Escape") { input.blur(); closePicker(); }
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    picker.at = length ? (picker.at + (event.key === "ArrowDown" ? 1 : -1) + length + (picker.at < 0 && event.key === "ArrowUp" ? 1 : 0)) % length : -1;
    drawList();
  } else if (event.key === "Enter") {
    if (picker.at >= 0) pick(picker.at);
    else if (typing && input.value.trim() && picker.several) { if (picker.list.length) pick(0); else $("#picker .fault").textContent = "No such technology in the taxonomy."; }
    else if (typing && input.value.trim()) take(input.value);
    else if (picker.several) closePicker();
    else if (!typing) input.focus();
  } else if (!typing && event.key === "Backspace") { if (picker.kind === "field") take(picker.several ? "" : ""); }
  else if (!typing && /^[1-9]$/.test(event.key)) pick(Number(event.key) - 1);
  else if (!typing && event.key.length === 1 && event.key !== " ") { input.focus(); input.value = event.key; search(); }
  else return;
  event.preventDefault();
}

// --- selection in the text, in code points of the article

function selection() {
  const chosen = window.getSelection();
  if (!chosen || chosen.isCollapsed) return null;
  const text = chosen.toString().trim();
  const range = chosen.getRangeAt(0);
  const box = (range.startContainer.nodeType === 1 ? range.startContainer : range.startContainer.parentElement)?.closest(".passage, .text");
  if (!box || !text) return null;
  const start = pointOf(range.startContainer, range.startOffset);
  const end = pointOf(range.endContainer, range.endOffset);
  const holder = box.closest("[data-article]");
  return { text: text.replace(/\s+/g, " "), start, end, article: holder?.dataset.article };
}

function pointOf(node, offset) {
  const piece = (node.nodeType === 1 ? node : node.parentElement)?.closest("[data-at]");
  if (!piece) return undefined;
  return Number(piece.dataset.at) + [...piece.textContent.slice(0, offset)].length;
}

document.addEventListener("mouseup", () => {
  const selected = selection();
  if (selected && state.picker?.kind === "field" && !state.picker.several) take(selected.text, selected);
  else if (selected && state.picker?.kind === "field") { const input = $("#picker input"); input.value = selected.text; input.focus(); search(); }
});

// --- actions

function turnFinding(step) {
  const all = $$(".finding");
  if (all.length < 2) return tell("This deal has one finding.");
  all[state.finding].hidden = true;
  state.finding = (state.finding + step + all.length) % all.length;
  all[state.finding].hidden = false;
  toEvidence();
}

const articleShown = () => $$(".finding")[state.finding] || $("main[data-article]");

function addDeal() {
  const shown = articleShown();
  const selected = selection();
  const evidence = selected ? selected.text : ($(".evidence", shown)?.textContent || "").trim();
  if (!evidence) { tell("Select the words that tell the deal first."); return; }
  const dialog = $("#add-deal") || document.body.appendChild(make("dialog", { id: "add-deal" }));
  const rows = ["vendor", "country", "technologies", "status", "financing_type", "financier", "financing_amount", "value", "customer", "year"];
  const labels = Object.fromEntries($$(".field").map((row) => [row.dataset.field, $(".label", row).textContent]));
  const inputs = rows.map((name) => make("input", { name, size: 42, autocomplete: "off", value: name === "status" ? "unknown" : null }));
  const form = make("form", { method: "dialog" }, make("h2", {}, "A deal that the machine missed"), make("blockquote", {}, evidence.slice(0, 400)),
    ...rows.map((name, i) => make("p", {}, make("label", { class: "soft" }, `${labels[name] || name.replaceAll("_", " ")} `), inputs[i])),
    make("p", { class: "fault", role: "alert" }), make("button", { class: "go", value: "add" }, "Add (Enter)"), " ", make("button", { value: "no", type: "button" }, "Leave (esc)"));
  dialog.replaceChildren(form);
  $("button[value=no]", form).addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const told = await ask(`/review/add${queueSuffix("?")}`, { article: shown.dataset.article, evidence: selected ? { start: selected.start, end: selected.end } : evidenceRange(shown), values: Object.fromEntries(rows.map((name, i) => [name, inputs[i].value])), seconds: seconds() });
    if (!told) return;
    if (told.problem || told.fault) { $(".fault", form).textContent = told.problem || told.fault; return; }
    dialog.close();
    tell(told.told);
    if (screen_) counted(told);
  });
  dialog.showModal();
  inputs[0].focus();
}

function evidenceRange(shown) {
  const pieces = $$(".evidence [data-at]", shown);
  if (!pieces.length) return null;
  const last = pieces.at(-1);
  return { start: Number(pieces[0].dataset.at), end: Number(last.dataset.at) + [...last.textContent].length };
}

function acceptOrCorrect() {
  const { columns, spans } = drafted();
  return Object.keys(columns).length ? decide("correct", { values: columns, spans }) : decide("accept");
}

const onDeal = {
  accept: acceptOrCorrect,
  reject: () => decide("reject"),
  unsure: () => decide("unsure"),
  skip: () => decide("skip"),
  flag: () => decide(deal().dataset.flagged ? "unflag" : "flag"),
  take: () => (deal().dataset.state === "reopened" ? decide("take") : tell("Nothing has changed since this was decided.")),
  undo,
  next: () => go(1),
  previous: () => go(-1),
  merge: () => (deal().dataset.twin ? decide("merge", { other: deal().dataset.twin }) : tell("No other deal looks like this one.")),
  not_same: () => (deal().dataset.twin ? decide("not_same", { other: deal().dataset.twin }) : tell("No other deal looks like this one.")),
  split: () => ($$(".finding").length > 1 ? decide("split", { finding: $$(".finding")[state.finding].dataset.finding }) : tell("A deal of one finding cannot be split.")),
  add: addDeal,
  done: () => decide("article_done", { article: $$(".finding")[state.finding].dataset.article }),
  next_finding: () => turnFinding(1),
  previous_finding: () => turnFinding(-1),
  article: () => { location.href = $("a[href^='/review/article/']", $$(".finding")[state.finding]).href; },
  print: () => { location.href = `/review/print/${encodeURIComponent(deal().dataset.id)}`; },
};

const onArticle = {
  add: addDeal,
  done: async () => { const told = await ask("/review/article-done", { article: articleShown().dataset.article }); if (told && !told.fault) tell(told.told); },
};

const anywhere = {
  queue: () => { location.href = `/review${queueSuffix("?")}`; },
  help: () => $("#help")?.showModal(),
  search: () => { const box = $("input[type=search]"); if (box) { box.focus(); box.select(); } else location.href = `/review${queueSuffix("?")}#search`; },
  undo,
};

// --- the queue page

const rows = () => $$(".rows tbody tr");
let row = 0;
function toRow(step) {
  const all = rows();
  if (!all.length) return;
  all[row]?.classList.remove("at");
  row = Math.min(all.length - 1, Math.max(0, row + step));
  all[row].classList.add("at");
  all[row].scrollIntoView({ block: "nearest" });
}

const onQueue = {
  next: () => toRow(1),
  previous: () => toRow(-1),
  queue: () => location.reload(),
};

async function bulk(action) {
  const spec = queueSuffix("?");
  const preview = await ask(`/review/bulk/preview${spec ? spec + "&" : "?"}act=${action}`);
  if (!preview || preview.fault) return;
  const dialog = $("#bulk");
  $("h2", dialog).textContent = preview.title;
  $("ol", dialog).replaceChildren(...preview.sample.map((line) => make("li", {}, line)));
  $(".more", dialog).textContent = preview.more;
  const reason = $("input", dialog);
  reason.value = "";
  $("form", dialog).onsubmit = async (event) => {
    event.preventDefault();
    const told = await ask(`/review/bulk${spec}`, { action, count: preview.count, stamp: preview.stamp, reason: reason.value });
    dialog.close();
    if (told && !told.fault) { tell(told.told); setTimeout(() => location.reload(), 900); }
  };
  dialog.showModal();
  $("button.go", dialog).focus();
}

async function saveFilter() {
  const name = $("#filter-name").value.trim();
  if (!name) return;
  const told = await ask(`/review/filters${queueSuffix("?")}`, { name });
  if (told && !told.fault) location.reload();
}

// --- keys

function named(event) { return event.key === " " ? "space" : event.key; }

// Keys pressed while a decision is under way are kept in order: fast hands lose nothing.
async function drain() {
  while (state.waiting.length && !state.busy) await press(state.waiting.shift());
}

async function press(key) {
  if (state.picker) { pickerKey({ key, preventDefault() {} }); return; }
  const action = actionOf[key];
  const inDeal = Boolean(deal());
  if (inDeal && /^[0-9=-]$/.test(key)) { const field = $(`.field[data-key="${key}"]`); if (field) openPicker(field.dataset.field); return; }
  if (inDeal && key === "r") { openReasons(); return; }
  const act = (inDeal && onDeal[action]) || ($("main[data-article]") && onArticle[action]) || (rows().length && onQueue[action]) || anywhere[action];
  if (!act) return;
  state.busy = true;
  try { await act(); } finally { state.busy = false; }
}

document.addEventListener("keydown", async (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const key = named(event);
  const open = $("dialog[open]");
  if (open) { if (key === "Escape" || (key === keys.help && open.id === "help")) { event.preventDefault(); open.close(); } return; }
  const target = event.target;
  const typing = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
  if (typing && state.picker && target.closest("#picker")) { pickerKey(event); return; }
  if (typing) { if (key === "Escape") { target.blur(); event.preventDefault(); } return; }
  if (state.picker && !state.busy) { pickerKey(event); return; }
  if (key === "Escape" && $("#back")) { location.href = $("#back").href; event.preventDefault(); return; }
  if (key === "Enter") {
    const at = rows()[row];
    if (at && !target.closest("a, button")) { location.href = $("a.open", at).href; event.preventDefault(); }
    return;
  }
  const known = actionOf[key] || (deal() && (/^[0-9=-]$/.test(key) || key === "r"));
  if (!known && !state.busy) return;
  event.preventDefault();
  state.waiting.push(key);
  if (!state.busy) drain();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) state.hiddenSince = performance.now();
  else if (state.hiddenSince) { state.hiddenFor += performance.now() - state.hiddenSince; state.hiddenSince = 0; }
});

document.addEventListener("click", (event) => {
  const field = event.target.closest(".field");
  if (field && deal()) { openPicker(field.dataset.field); return; }
  const button = event.target.closest("[data-bulk]");
  if (button) bulk(button.dataset.bulk);
  if (event.target.closest("#save-filter")) saveFilter();
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
});

// --- start

if (screen_) {
  state.ids = JSON.parse(screen_.dataset.ids || "[]");
  const shown = deal();
  state.shownAt = performance.now();
  if (shown) { state.at = Math.max(0, state.ids.indexOf(shown.dataset.id)); applyDraft(); toEvidence(); }
}
if (rows().length) { row = 0; toRow(0); }
if (location.hash === "#search") $("input[type=search]")?.focus();
const place = $(".text .evidence");
if (place) place.scrollIntoView({ block: "center" });
document.body.dataset.ready = "yes";
