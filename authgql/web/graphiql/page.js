"use strict";
// GraphiQL with a bar that says who is signed in, and a panel of examples.

const nonce = document.currentScript.nonce;
const session = new Session(document.body.dataset.endpoint, window.sessionStorage);
const byId = (id) => document.getElementById(id);

// GraphiQL's dialogs make a <style> to stop the page from scrolling; the policy lets through what has the nonce.
const createElement = document.createElement.bind(document);
document.createElement = (name, options) => {
  const element = createElement(name, options);
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  return element;
};

// ---------------------------------------------------------------- the bar

const SAYS = {
  anonymous: () => "Not signed in",
  "signed-in": ({ who }) => `Signed in as ${who.username}`,
  stale: () => "That session has ended or its token expired",
};

const ADDS = {
  anonymous: () => "run “Sign in”, and the requests after it are signed",
  "signed-in": ({ who }) => who.device,
  stale: () => null,
};

function showBar() {
  const { name, notice, expiresAt } = session.state;
  document.querySelector(".bar").dataset.state = name;
  say("status", notice ?? SAYS[name](session.state));
  say("detail", ADDS[name](session.state));
  byId("refresh").hidden = byId("sign-out").hidden = name === "anonymous";
  byId("expiry").hidden = name !== "signed-in" || !expiresAt;
  if (!byId("expiry").hidden) showExpiry(Math.ceil((expiresAt - Date.now()) / 1000));
}

/** Touches the page only where something changed: a screen reader reads the status aloud at every touch. */
function say(id, text) {
  const element = byId(id);
  element.hidden = !text;
  if (element.textContent !== (text ?? "")) element.textContent = text;
}

function showExpiry(seconds) {
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  byId("expiry").textContent = seconds > 0 ? `access token expires in ${clock}` : "access token expired";
  byId("expiry").classList.toggle("bar-expiry-due", seconds <= 30);
}

async function whileBusy(work) {
  const buttons = document.querySelectorAll(".bar button");
  buttons.forEach((button) => (button.disabled = true));
  await work();
  buttons.forEach((button) => (button.disabled = false));
}

byId("refresh").addEventListener("click", () => whileBusy(() => session.refresh()));
byId("sign-out").addEventListener("click", () => whileBusy(() => session.signOut()));
session.addEventListener("change", showBar);
setInterval(showBar, 1000);
showBar();
session.resume();

// ---------------------------------------------------------------- the examples

const examples = JSON.parse(byId("examples").textContent);
const groups = [...new Set(examples.map((example) => example.group))];

function operationName(query) {
  return /^(?:query|mutation|subscription) (\w+)/m.exec(query)[1];
}

function ExamplesIcon() {
  const { createElement: h } = React;
  const path = "M5 4h14M5 9h9M5 14h14M5 19h9";
  return h("svg", { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.5 }, h("path", { d: path }));
}

/** Goes to the tab of an example, or opens a new one where that was closed. */
function useOpenExample() {
  const editor = GraphiQL.React.useEditorContext({ nonNull: true });
  const { stop } = GraphiQL.React.useExecutionContext({ nonNull: true });
  return ({ query, variables }) => {
    stop(); // or the events of a subscription would be shown in the other tab
    const index = editor.tabs.findIndex((tab) => tab.title === operationName(query));
    if (index >= 0) {
      editor.changeTab(index);
      return;
    }
    ReactDOM.flushSync(() => editor.addTab());
    editor.queryEditor.setValue(query);
    editor.variableEditor.setValue(variables);
  };
}

function Examples() {
  const { createElement: h } = React;
  const open = useOpenExample();
  const { tabs, activeTabIndex } = GraphiQL.React.useEditorContext({ nonNull: true });
  React.useEffect(() => {
    document.querySelector(".graphiql-tab-active")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [activeTabIndex]);
  const item = (example) => {
    const isOpen = tabs[activeTabIndex].title === operationName(example.query);
    const attributes = { type: "button", "aria-current": isOpen, onClick: () => open(example) };
    return h("li", { key: example.title }, h("button", attributes, example.title));
  };
  const section = (group) =>
    h("section", { key: group }, h("h3", null, group), h("ol", null, examples.filter((one) => one.group === group).map(item)));
  return h("div", { className: "examples" }, h("h2", null, "Examples"), groups.map(section));
}

// ---------------------------------------------------------------- GraphiQL

function kindOf({ query, operationName: name }) {
  try {
    return GraphiQL.GraphQL.getOperationAST(GraphiQL.GraphQL.parse(query), name)?.operation;
  } catch {
    return null; // the server will say what is wrong with it
  }
}

function run(params, { headers } = {}) {
  const kind = kindOf(params);
  if (kind !== "subscription") return session.execute(params, headers, kind === "mutation");
  return { subscribe: (observer) => session.subscribe(params, headers, observer) };
}

/** What GraphiQL should find in its storage when it is opened for the first time. */
function layOut(storage) {
  if (storage.getItem("graphiql:tabState")) return;
  storage.setItem("graphiql:docExplorerFlex", "0.24");
  storage.setItem("graphiql:secondaryEditorFlex", "2");
  storage.setItem("graphiql:query", examples[0].query);
  storage.setItem("graphiql:variables", examples[0].variables);
}

function showGraphiQL() {
  layOut(window.sessionStorage);
  const plugin = { title: "Examples", icon: ExamplesIcon, content: Examples };
  const root = ReactDOM.createRoot(byId("graphiql"));
  root.render(
    React.createElement(GraphiQL, {
      fetcher: run,
      defaultTabs: examples.map(({ query, variables }) => ({ query, variables })),
      defaultEditorToolsVisibility: "variables",
      plugins: [plugin],
      visiblePlugin: plugin,
      shouldPersistHeaders: false, // nor do passwords outlive the tab: everything typed is kept in sessionStorage
      storage: window.sessionStorage,
    }),
  );
}

if (window.GraphiQL && window.ReactDOM) {
  showGraphiQL();
} else {
  byId("graphiql").firstElementChild.textContent =
    "GraphiQL could not be loaded. Run “make graphiql” (it needs npm) and start the server again, or go online.";
}
