// The frame of a screen: title, the heading that takes the focus, the way back and the actions.

import { useEffect, useRef, type ReactNode } from "react";
import { Link } from "./link";
import { takeArrival, usePath } from "./route";

interface Props {
    title: string;
    /** In the window's title, when the heading alone says too little. */
    windowTitle?: string;
    back?: { to: string; label: string };
    lead?: ReactNode;
    actions?: ReactNode;
    children: ReactNode;
}

export function Page({ title, windowTitle, back, lead, actions, children }: Props) {
    const heading = useRef<HTMLHeadingElement>(null);
    const path = usePath();
    useEffect(() => {
        document.title = `${windowTitle ?? title} · InboxOps`;
    }, [title, windowTitle]);
    useEffect(() => {
        if (takeArrival()) heading.current?.focus();
    }, [path]);
    return (
        <>
            <header className="head">
                <div className="grow">
                    {back && (
                        <Link className="back" href={back.to}>
                            <span aria-hidden="true">‹</span> {back.label}
                        </Link>
                    )}
                    <h1 ref={heading} tabIndex={-1}>
                        {title}
                    </h1>
                    {lead && <div className="lead">{lead}</div>}
                </div>
                {actions && <div className="actions">{actions}</div>}
            </header>
            {children}
        </>
    );
}
