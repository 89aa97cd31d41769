// Setting one's own password.

import { useRef, useState } from "react";
import { call, refresh } from "../api";
import { SessionService } from "../gen/inboxops/admin/v1/sessions_pb";
import { useAct } from "../kit/act";
import { Dialog } from "../kit/dialog";
import { Text, useFirstWrong } from "../kit/field";
import { say } from "../kit/toast";

export function SetPassword({ has, email, onClose }: { has: boolean; email: string; onClose: () => void }) {
    const [current, setCurrent] = useState("");
    const [next, setNext] = useState("");
    const form = useRef<HTMLFormElement>(null);
    const { run, busy, failure } = useAct(async () => {
        await call(SessionService.method.setPassword, { currentPassword: current || undefined, newPassword: next });
        void refresh(SessionService.method.currentSession);
        say("Password set. Your other sessions have ended.");
        onClose();
    });
    useFirstWrong(form, failure);
    return (
        <Dialog title={has ? "Change password" : "Set a password"} onClose={onClose}>
            <form
                ref={form}
                noValidate
                onSubmit={(event) => {
                    event.preventDefault();
                    void run();
                }}
            >
                {failure && failure.fields.size === 0 && (
                    <p className="banner bad" role="alert">
                        {failure.message}
                    </p>
                )}
                <input type="email" autoComplete="username" value={email} readOnly hidden />
                {has && (
                    <Text
                        label="Current password"
                        type="password"
                        autoComplete="current-password"
                        value={current}
                        onChange={setCurrent}
                        error={failure?.field("current_password", "The current password")}
                    />
                )}
                <Text
                    label="New password"
                    type="password"
                    autoComplete="new-password"
                    hint="12 characters or more."
                    value={next}
                    onChange={setNext}
                    error={failure?.field("new_password", "The new password")}
                />
                <div className="buttons">
                    <button type="button" onClick={onClose}>
                        Cancel
                    </button>
                    <button className="primary" aria-disabled={busy}>
                        Set password
                    </button>
                </div>
            </form>
        </Dialog>
    );
}
