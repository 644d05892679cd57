// Shows what arrived, newest first. Everything that was received is set as text, never as markup.
const SHOWN = 200;
const PAUSE_MS = 1000;
const list = document.getElementById("messages");
const state = document.getElementById("state");
let lastId = 0;

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

// The chats whose part the sink plays, by the paths of their APIs.
const CHATS = [
  [/^\/open-apis\/bot\//, "Lark"],
  [/^\/services\//, "Slack"],
  [/^\/bot[0-9]+:/, "Telegram"],
  [/^\/api\/webhooks\//, "Discord"],
  [/^\/workflows\//, "Teams"],
  [/^\/ntfy\//, "ntfy"],
  [/^\/v1\/spaces\//, "Google Chat"],
];

function card(message) {
  const article = element("article");
  const heading = element("h2");
  const status = element("span", `answered ${message.status}`);
  if (message.status >= 400) status.className = "failed";
  const time = element("time", new Date(message.received_at_ms).toLocaleString());
  time.dateTime = new Date(message.received_at_ms).toISOString();
  const query = message.query ? `?${message.query}` : "";
  const chat = CHATS.find(([path]) => path.test(message.path));
  if (chat) heading.append(element("mark", chat[1]));
  heading.append(element("span", `${message.method} ${message.path}${query}`), status, time);
  const headers = element("details");
  const names = element("dl");
  for (const [name, value] of Object.entries(message.headers)) {
    names.append(element("dt", name), element("dd", value));
  }
  headers.append(element("summary", "Headers"), names);
  article.append(heading, element("pre", pretty(message.body)), headers);
  return article;
}

async function look() {
  try {
    const answer = await fetch(`/api/messages?after_id=${lastId}&limit=${SHOWN}`);
    const { messages, total } = await answer.json();
    if (total === 0 && lastId > 0 && messages.length === 0) list.replaceChildren();
    for (const message of messages) {
      list.prepend(card(message));
      lastId = message.id;
    }
    while (list.children.length > SHOWN) list.lastElementChild.remove();
    state.textContent = total === 0 ? "Waiting for the first message." : `${total} received.`;
  } catch {
    state.textContent = "The local cloud doesn't answer; trying again.";
  }
  setTimeout(look, PAUSE_MS);
}

look();
