import "uplot/dist/uPlot.min.css";
import "./console.css";

import { render } from "preact";

import { App } from "./app";
import { currentLanguage, switchLanguage } from "./language";
import { applyTheme } from "./theme";

applyTheme();
switchLanguage(currentLanguage());
render(<App />, document.getElementById("console") ?? document.body);
