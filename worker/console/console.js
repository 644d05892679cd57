// Shows what GET /health says. Everything is set as text, so nothing that comes back is markup.

const status = document.getElementById("status");
const again = document.getElementById("again");
const errors = document.getElementById("errors");
const LIMIT_MS = 10_000;

/** The value at a dotted path such as `deployment.tag`; undefined where there is none. */
function valueAt(document_, path) {
  return path.split(".").reduce((value, name) => value?.[name], document_);
}

function show(health) {
  for (const field of document.querySelectorAll("[data-field]")) {
    const value = valueAt(health, field.dataset.field);
    field.textContent = value === undefined || value === "" ? "–" : String(value);
  }
  const lines = (health.errors ?? []).map((error) => {
    const line = document.createElement("li");
    line.textContent = `${error.code}: ${error.message}`;
    return line;
  });
  errors.replaceChildren(...lines);
  errors.hidden = lines.length === 0;
}

function say(state, text) {
  status.dataset.state = state;
  status.textContent = text;
}

async function ask() {
  again.disabled = true;
  try {
    const answer = await fetch("/health", {
      cache: "no-store",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const health = await answer.json();
    show(health);
    say(health.status === "healthy" ? "healthy" : "unhealthy", String(health.status));
  } catch {
    show({});
    say("unreachable", "The service gives no usable answer. Look at its logs: notifyctl logs.");
  } finally {
    const now = new Date();
    const asked = document.getElementById("asked");
    asked.dateTime = now.toISOString();
    asked.textContent = now.toLocaleTimeString();
    again.disabled = false;
  }
}

again.addEventListener("click", ask);
ask();
