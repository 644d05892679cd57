// Draws the diagrams in the reader's theme. Without scripts they stay readable text.
const theme = document.body.dataset.theme;
const dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral" });
for (const block of document.querySelectorAll(".highlight-mermaid")) {
  const diagram = document.createElement("pre");
  diagram.className = "mermaid";
  diagram.textContent = block.textContent;
  block.replaceWith(diagram);
}
mermaid.run();
