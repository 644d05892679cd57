/** The values of a template's variables: a field for each, or JSON for lists and objects. */

import { useState } from "preact/hooks";

import { t } from "../language";
import { Field } from "../ui/parts";

type Values = Record<string, unknown>;

interface VariablesProps {
  /** What the template says that it reads. */
  names: readonly string[];
  /** The values as JSON, as they were typed. */
  text: string;
  change: (text: string) => void;
  error: string | undefined;
}

export function Variables({ names, text, change, error }: VariablesProps) {
  const [chosen, setChosen] = useState<"form" | "json">("form");
  const values = parseObject(text || "{}");
  // Broken JSON has no fields, and a template that names no variables has none either.
  const view = names.length && values ? chosen : "json";
  const missing = names.filter((name) => values && !(name in values));
  return (
    <fieldset class="variables">
      <legend>{t("Variables")}</legend>
      {names.length > 0 && (
        <fieldset class="switch" aria-label={t("Variables")}>
          {(["form", "json"] as const).map((one) => (
            <label key={one}>
              <input type="radio" name="variables_view" value={one} checked={view === one} disabled={!values} onChange={() => setChosen(one)} />
              <span>{one === "form" ? t("Form") : "JSON"}</span>
            </label>
          ))}
        </fieldset>
      )}
      {view === "form" ? (
        <div class="pair">
          {names.map((name) => (
            <Variable key={name} name={name} values={values ?? {}} change={change} />
          ))}
        </div>
      ) : (
        <Field id="variables" label={t("Variables (JSON)")} error={error} hint={names.length ? t("It reads: {names}", { names: names.join(", ") }) : t("A JSON object.")}>
          <textarea id="variables" class="mono" rows={7} spellcheck={false} value={text} onInput={(event) => change(event.currentTarget.value)}
            aria-invalid={error ? true : undefined}
            aria-describedby={error ? "variables-hint variables-error" : "variables-hint"} />
        </Field>
      )}
      {missing.length > 0 && (
        <p class="hint">
          {t("Without a value: {names}", { names: missing.join(", ") })}. {t("The text shows such a variable as it is written, {{name}}, unless it may be left out.")}
        </p>
      )}
    </fieldset>
  );
}

function Variable({ name, values, change }: { name: string; values: Values; change: (text: string) => void }) {
  const value = values[name];
  const isText = value === undefined || typeof value === "string";
  const id = `variable-${name}`;
  const set = (typed: string) => {
    const { [name]: _, ...rest } = values;
    change(JSON.stringify(typed ? { ...rest, [name]: typed } : rest, null, 2));
  };
  return (
    <Field id={id} label={<code>{name}</code>} hint={isText ? undefined : t("Change it as JSON.")}>
      <input id={id} autocomplete="off" value={isText ? value ?? "" : JSON.stringify(value)} readOnly={!isText}
        aria-describedby={isText ? undefined : `${id}-hint`} onInput={(event) => set(event.currentTarget.value)} />
    </Field>
  );
}

/** Variables as the recipient sees them that have no value. */
export const asWritten = (names: readonly string[]): string => names.map((name) => `{{${name}}}`).join(", ");

export function parseObject(text: string): Values | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? (value as Values) : undefined;
  } catch {
    return undefined;
  }
}
