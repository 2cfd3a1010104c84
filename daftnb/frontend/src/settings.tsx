// The autoscaling settings, to be changed: what is set beside what is in effect. The kernel judges each value.
import { useComputed } from "@preact/signals";
import { LONGEST_SETTING } from "./limits.ts";
import { Panel } from "./panel.tsx";
import { settingsSub, shown } from "./panels.tsx";
import type { SettingRow } from "./snapshot.ts";
import type { Store } from "./store.ts";

export function SettingsForm({ store }: { store: Store }) {
  const settings = useComputed(() => store.snapshot.value?.settings).value;
  if (!settings) return null;
  return (
    <Panel title="Settings" sub={settingsSub(settings.number)}>
      <div class="form">
        {Object.entries(settings.rows).map(([name, row]) => (
          <Field key={name} name={name} row={row} store={store} />
        ))}
      </div>
      <p class="empty">A change acts on the next query; one that runs keeps what it began with.</p>
    </Panel>
  );
}

function Field({ name, row, store }: { name: string; row: SettingRow; store: Store }) {
  const { drafts } = store.chosen;
  const draft = drafts.value[name];
  const setDraft = (text: string) => (drafts.value = { ...drafts.value, [name]: { text, set: row.set } });
  const error = store.refused.value[name];
  const change = (value: string) => {
    store.set(name, value);
    setDraft(value);
  };
  // What was typed stays while it is refused, so that it can be corrected; else the field shows the value that is set.
  const value = draft && (error !== undefined || draft.set === row.set) ? draft.text : row.set;
  const about = `about-${name}`;
  const common = { id: `set-${name}`, "aria-describedby": about, "aria-invalid": error !== undefined };
  return (
    <div class="field">
      <label for={common.id}>{row.label}</label>
      {row.kind !== "number" ? (
        <select {...common} value={row.set} onChange={(event) => change(event.currentTarget.value)}>
          {(row.kind === "switch" ? ["1", "0"] : row.choices).map((text) => (
            <option key={text} value={text}>
              {shown(row.kind, text)}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          type="text"
          inputMode="decimal"
          maxLength={LONGEST_SETTING}
          autocomplete="off"
          spellcheck={false}
          value={value}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onChange={(event) => change(event.currentTarget.value)}
        />
      )}
      <span class="effect">
        {row.in_effect == null ? (
          <span class="muted">not read back yet</span>
        ) : (
          <>
            in effect <b>{shown(row.kind, row.in_effect)}</b>
          </>
        )}
        {row.in_effect != null && row.pending && <span class="tag">next query: {shown(row.kind, row.set)}</span>}
      </span>
      <span class="about muted" id={about}>
        {error !== undefined ? (
          <span class="st-failed" role="alert">
            ✕ {error}
          </span>
        ) : (
          `${row.help} Default: ${shown(row.kind, row.default)}.`
        )}
      </span>
    </div>
  );
}
