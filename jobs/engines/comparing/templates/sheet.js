
"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const PLACE = "blind-sheet:" + DATA.sheet;
const VOTES = ["left", "right", "both_good", "both_bad"];
const MOST_UNDONE = 500;
const WORDS = {
  en: {
    other: "日本語", menu: "About", asked: "What was asked", left: "left", right: "right",
    votes: ["Left is better", "Right is better", "Both good", "Both bad"],
    short: ["is better", "is better", "Both good", "Both bad"],
    comment: "Comment, if you like", undo: "Undo", save: "Save to a file", back: "Pair before", forward: "Next pair",
    how: "Which answer would you rather have? Keys 1 2 3 4 vote, U undoes, the arrows move between pairs, C goes to the comment. "
      + "Which side is which was drawn for each pair. What you choose stays in this browser until you save it to a file.",
    name: "Your name, or any word that is yours alone", open: "Go on from a saved file", text: "Show the votes as text",
    anew: "Begin anew, as another person", digest: "SHA-256 of the key, which says who wrote what:",
    head: "All pairs have a vote", done: "Save them to a file and send it to who gave you this sheet. The arrows lead back to every pair.",
    none: "(an empty answer)", role: { system: "instructions", user: "user", assistant: "assistant", tool: "tool" },
    unkept: "This browser keeps nothing for a page like this: save to a file before you close it; the same page goes on from that file.",
    full: "The browser has no more room for this page: save to a file before you close it.",
    wrong: "That file holds no votes of this sheet; nothing was changed.",
    replace: "Replace the votes that are here with those of the file?", drop: "Forget the votes that are here? Save them first if they are wanted.",
  },
  ja: {
    other: "English", menu: "説明", asked: "質問", left: "左", right: "右",
    votes: ["左がよい", "右がよい", "どちらもよい", "どちらも悪い"],
    short: ["がよい", "がよい", "どちらもよい", "どちらも悪い"],
    comment: "コメント(任意)", undo: "元に戻す", save: "ファイルに保存", back: "前の組", forward: "次の組",
    how: "どちらの回答がほしいですか。1 2 3 4 のキーで投票、U で元に戻す、矢印キーで組を移動、C でコメント欄へ。"
      + "左右は組ごとに抽選で決めています。投票は、ファイルに保存するまでこのブラウザーの中に残ります。",
    name: "お名前、または自分だけの呼び名", open: "保存したファイルから再開", text: "投票を文字で表示",
    anew: "別の人として最初から", digest: "どちらが何の回答かを記した鍵の SHA-256:",
    head: "すべての組に投票しました", done: "ファイルに保存して、このシートを渡した人に送ってください。矢印でどの組にも戻れます。",
    none: "(空の回答)", role: { system: "指示", user: "利用者", assistant: "アシスタント", tool: "ツール" },
    unkept: "このブラウザーはこのページの内容を保存できません。閉じる前にファイルに保存してください。同じページでそのファイルから再開できます。",
    full: "ブラウザーの保存領域が足りません。閉じる前にファイルに保存してください。",
    wrong: "このシートの投票ファイルではありません。何も変更していません。",
    replace: "ここにある投票をファイルの内容で置き換えますか。", drop: "ここにある投票を消しますか。必要なら先に保存してください。",
  },
};
const at = (id) => document.getElementById(id);
const narrow = window.matchMedia("(max-width: 720px)");
let keeps = true;
let state = fresh();

function fresh() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  const rater = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { rater, name: "", language: DATA.language, place: 0, votes: {}, comments: {}, undo: [], unsaved: 0 };
}

function isState(value) {
  return value && typeof value.rater === "string" && value.votes && value.comments && Array.isArray(value.undo)
    && Number.isInteger(value.place) && value.place >= 0 && value.place <= DATA.pairs.length && value.language in WORDS;
}

function load() {
  try {
    const text = localStorage.getItem(PLACE);
    const kept = text === null ? null : JSON.parse(text);
    if (isState(kept)) state = kept;
    localStorage.setItem(PLACE, JSON.stringify(state));
  } catch (error) {
    keeps = false;
  }
}

function keep() {
  if (!keeps) return;
  try {
    localStorage.setItem(PLACE, JSON.stringify(state));
  } catch (error) {
    notice("full");
  }
}

function notice(word) {
  at("notice").hidden = !word;
  at("notice").dataset.word = word || "";
  at("notice").textContent = word ? WORDS[state.language][word] : "";
}

const numVotes = () => Object.keys(state.votes).length;

function vote(choice) {
  const place = state.place;
  if (place >= DATA.pairs.length) return;
  const before = state.votes[place] || null;
  state.undo.push([place, before]);
  if (state.undo.length > MOST_UNDONE) state.undo.shift();
  state.votes[place] = choice;
  state.unsaved += 1;
  about(false);
  const open = before === null ? nextOpen(place) : Math.min(place + 1, DATA.pairs.length);
  go(open);
}

function nextOpen(after) {
  const total = DATA.pairs.length;
  for (let step = 1; step <= total; step += 1) {
    const place = (after + step) % total;
    if (!state.votes[place]) return place;
  }
  return total;
}

function undo() {
  const last = state.undo.pop();
  if (!last) return;
  if (last[1] === null) delete state.votes[last[0]];
  else state.votes[last[0]] = last[1];
  state.unsaved += 1;
  go(last[0]);
}

function go(place) {
  state.place = Math.max(0, Math.min(place, DATA.pairs.length));
  if (document.activeElement === at("comment")) at("comment").blur();
  keep();
  show();
  window.scrollTo(0, 0);
}

function show() {
  const words = WORDS[state.language];
  const total = DATA.pairs.length;
  const place = state.place;
  const pair = DATA.pairs[place];
  at("progress").max = total;
  at("progress").value = numVotes();
  at("count").textContent = (pair ? (place + 1) + " / " + total + " · " : "") + Math.floor(100 * numVotes() / total) + "%";
  at("pair").hidden = !pair;
  at("done").hidden = Boolean(pair);
  const chosen = state.votes[place];
  document.querySelectorAll("[data-vote]").forEach((one) => one.classList.toggle("chosen", Boolean(pair) && one.dataset.vote === chosen));
  document.querySelectorAll(".votes button").forEach((one, number) => {
    one.disabled = !pair;
    one.setAttribute("aria-pressed", String(one.dataset.vote === chosen));
    one.lastElementChild.textContent = (narrow.matches ? words.short : words.votes)[number];
  });
  at("undo").disabled = !state.undo.length;
  at("back").disabled = place === 0;
  at("forward").disabled = !pair;
  at("save").disabled = !numVotes();
  at("save").classList.toggle("due", numVotes() === total && state.unsaved > 0);
  if (!pair) return;
  at("asked").replaceChildren(...pair.prompt.map((turn) => turnOf(turn, pair.prompt.length)));
  at("asked").scrollTop = 0;
  fill(at("left"), pair.left);
  fill(at("right"), pair.right);
  at("comment").value = state.comments[place] || "";
}

function turnOf([role, content], numTurns) {
  const turn = document.createElement("div");
  turn.className = role === "user" ? "turn" : "turn other";
  turn.dir = "auto";
  if (numTurns > 1) {
    const who = document.createElement("i");
    who.textContent = WORDS[state.language].role[role] || role;
    turn.append(who);
  }
  turn.append(content);
  return turn;
}

function about(isOpen) {
  at("about").hidden = !isOpen;
  at("menu").setAttribute("aria-expanded", String(isOpen));
}

function fill(place, text) {
  place.textContent = text || WORDS[state.language].none;
  place.classList.toggle("none", !text);
  place.classList.toggle("code", /^```|\n```|^(def|class|import|from|function|const|#include|SELECT)\b/.test(text));
}

function say() {
  const words = WORDS[state.language];
  document.documentElement.lang = state.language;
  const told = { language: words.other, menu: words.menu, how: words.how, "name-label": words.name, open: words.open,
    text: words.text, anew: words.anew, "digest-label": words.digest, "asked-label": words.asked, "comment-label": words.comment,
    undo: words.undo, save: words.save, "done-head": words.head, "done-text": words.done, "left-label": words.left, "right-label": words.right };
  for (const [id, text] of Object.entries(told)) at(id).textContent = text;
  at("left-label").className = at("right-label").className = "side";
  at("back").setAttribute("aria-label", words.back);
  at("forward").setAttribute("aria-label", words.forward);
  at("rater").value = state.name;
  notice(keeps ? at("notice").dataset.word : "unkept");
  show();
}

function votesFile() {
  const votes = DATA.pairs.map((_, place) => ({ pair: place + 1, vote: state.votes[place] || null, comment: state.comments[place] || "" }));
  const file = { format: "kiwame-votes-1", sheet: DATA.sheet, key_sha256: DATA.key_sha256, rater: state.rater, name: state.name.trim(), votes };
  return JSON.stringify(file, null, 1) + "\n";
}

function save() {
  const link = document.createElement("a");
  const name = state.name.trim().replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 40) || state.rater.slice(0, 8);
  link.href = URL.createObjectURL(new Blob([votesFile()], { type: "application/json" }));
  link.download = "votes-" + DATA.sheet.slice(0, 8) + "-" + name + ".json";
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  state.unsaved = 0;
  keep();
  show();
}

function take(text) {
  let file = null;
  try {
    file = JSON.parse(text);
  } catch (error) {
    return notice("wrong");
  }
  const isOurs = file && file.sheet === DATA.sheet && file.key_sha256 === DATA.key_sha256 && typeof file.rater === "string"
    && Array.isArray(file.votes) && file.votes.length === DATA.pairs.length
    && file.votes.every((one, place) => one && one.pair === place + 1 && (one.vote === null || VOTES.includes(one.vote)));
  if (!isOurs) return notice("wrong");
  if (numVotes() && !window.confirm(WORDS[state.language].replace)) return undefined;
  const taken = { ...fresh(), language: state.language, rater: file.rater, name: String(file.name || "") };
  file.votes.forEach((one, place) => {
    if (one.vote) taken.votes[place] = one.vote;
    if (one.comment) taken.comments[place] = String(one.comment);
  });
  state = taken;
  notice("");
  say();
  return go(nextOpen(-1));
}

function press(event) {
  const isTyping = event.target instanceof Element && event.target.matches("input, textarea");
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const digit = /^(?:Digit|Numpad)([1-4])$/.exec(event.code) || /^([1-4])$/.exec(event.key);
  const acts = { ArrowLeft: () => go(state.place - 1), ArrowRight: () => go(state.place + 1), KeyU: undo, Backspace: undo,
    KeyC: () => at("comment").focus() };
  if (event.repeat && (digit || event.code === "KeyU" || event.code === "Backspace")) return;
  if (digit) vote(VOTES[Number(digit[1]) - 1]);
  else if (event.code in acts) acts[event.code]();
  else return;
  event.preventDefault();
}

function listen() {
  document.addEventListener("keydown", press);
  document.querySelectorAll(".votes button").forEach((one) => one.addEventListener("click", () => { vote(one.dataset.vote); one.blur(); }));
  at("undo").addEventListener("click", undo);
  at("save").addEventListener("click", save);
  at("back").addEventListener("click", () => go(state.place - 1));
  at("forward").addEventListener("click", () => go(state.place + 1));
  at("comment").addEventListener("input", (event) => {
    if (event.target.value) state.comments[state.place] = event.target.value;
    else delete state.comments[state.place];
    state.unsaved += 1;
    keep();
  });
  at("rater").addEventListener("input", (event) => { state.name = event.target.value; keep(); });
  at("language").addEventListener("click", () => { state.language = state.language === "ja" ? "en" : "ja"; keep(); say(); });
  at("menu").addEventListener("click", () => about(at("about").hidden));
  at("open").addEventListener("click", () => at("file").click());
  at("file").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) take(await file.text());
  });
  at("text").addEventListener("click", () => { at("as-text").hidden = false; at("as-text").value = votesFile(); at("as-text").select(); });
  at("anew").addEventListener("click", () => {
    if (numVotes() && !window.confirm(WORDS[state.language].drop)) return;
    state = { ...fresh(), language: state.language };
    say();
    go(0);
  });
  narrow.addEventListener("change", show);
  window.addEventListener("storage", (event) => { if (event.key === PLACE) { load(); say(); } });
  window.addEventListener("beforeunload", (event) => { if (!keeps && state.unsaved) event.preventDefault(); });
}

load();
listen();
say();
about(!numVotes() && state.place === 0);
