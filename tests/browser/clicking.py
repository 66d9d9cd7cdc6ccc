"""Every button of a page, pressed: in the page, in the buttons' dialogs and in theirs, and what each asks for.

Law: nothing is changed by it. Whatever would change something is noted and answered in the page itself, as refused;
what only reads goes to the server. Buttons that sort a table or close a dialog are pressed like all others.
"""

from __future__ import annotations

from typing import NamedTuple

from playwright.sync_api import Page

# Before any script of the page: what it asks for is noted, and only what reads goes out.
HOLD_BACK = """(() => {
    const real = window.fetch.bind(window);
    window.asked = [];
    window.pending = 0;
    window.fetch = async (input, options = {}) => {
        const url = new URL(input, location.href), method = (options.method ?? 'GET').toUpperCase();
        window.asked.push([method, url.pathname]);
        if (method !== 'GET') {
            const said = {type: 'urn:openbwc:problem:held-back', title: 'Held back', status: 409, detail: 'held back'};
            return new Response(JSON.stringify(said), {status: 409});
        }
        window.pending += 1;
        try { // until all of it has come: a busy server sends its head first
            const {status, headers, body} = await real(input, options);
            return new Response(body && await new Response(body).arrayBuffer(), {status, headers});
        } finally { window.pending -= 1; }
    };
})()"""

# Answers [[name, name, …], [[method, path], …]] for each button: the way to it, and what it asked for.
PRESS_ALL = """async () => {
    const ALIKE_MAX = 4, DEPTH_MAX = 3; // rows of a list have the same buttons
    const TYPED = {email: 'somebody@example.org', password: 'long enough to be one', date: '2026-01-02'};
    const WORD = 'a1b2c3d4'; // fits as a name, and as a badge's number
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const isBusy = () => window.pending || document.readyState !== 'complete';
    const settle = async () => { for (let quiet = 0; quiet < 3; quiet = isBusy() ? 0 : quiet + 1) await frame(); };
    const nameOf = (button) => (button.getAttribute('aria-label') || button.textContent).trim();
    const shown = (element) => element.checkVisibility() && !element.disabled;
    const top = () => [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.querySelector('main');
    const buttons = () => [...top().querySelectorAll('button')].filter(shown);
    const names = () => { // of buttons of one name the second is called so, too
        const alike = new Map(), many = new Map(), found = [];
        for (const button of buttons()) {
            const name = nameOf(button), text = button.textContent;
            many.set(name, (many.get(name) ?? 0) + 1);
            alike.set(text, (alike.get(text) ?? 0) + (name === text ? 0 : 1));
            const called = many.get(name) > 1 ? `${name} (${many.get(name)})` : name;
            if (alike.get(text) <= ALIKE_MAX) found.push([called, alike.get(text) > 1]);
        }
        return found;
    };
    const find = (name) => {
        const many = new Map();
        return buttons().find((button) => {
            const own = nameOf(button);
            many.set(own, (many.get(own) ?? 0) + 1);
            return name === (many.get(own) > 1 ? `${own} (${many.get(own)})` : own);
        });
    };
    const type = (input) => {
        if (!shown(input) || input.type === 'search') return;
        if (input.type === 'file') {
            const files = new DataTransfer();
            files.items.add(new File(['x'], 'x.csv'));
            input.files = files.files;
        } else if (input.tagName === 'SELECT') {
            if (!input.value) input.value = [...input.options].map((each) => each.value).find(Boolean) ?? '';
        } else if (input.type !== 'checkbox' && input.type !== 'radio' && !input.value) {
            input.value = input.type === 'number' ? input.min || '1' : TYPED[input.type] ?? WORD;
        }
        input.dispatchEvent(new Event('input', {bubbles: true}));
        input.dispatchEvent(new Event('change', {bubbles: true}));
    };
    const closeAll = async () => {
        for (const dialog of [...document.querySelectorAll('dialog[open]')].reverse()) {
            dialog.dispatchEvent(new Event('cancel', {cancelable: true}));
            if (dialog.isConnected) { dialog.close(); dialog.remove(); }
        }
        document.getElementById('toasts').replaceChildren();
        await settle();
    };
    const press = async (name) => {
        const button = find(name);
        if (!button) return null;
        (button.closest('form, dialog, section') ?? top()).querySelectorAll('input, select, textarea').forEach(type);
        const before = window.asked.length;
        button.click();
        await settle();
        return window.asked.slice(before);
    };
    const found = [];
    const explore = async (way, isOneOfAlike) => {
        await closeAll();
        let asked = null, before = null;
        for (const name of way) {
            before = top();
            asked = await press(name);
            if (asked === null) return; // not there any more: what was pressed before has taken it away
        }
        found.push([way, asked]);
        if (isOneOfAlike || way.length === DEPTH_MAX || top() === before || !top().matches('dialog')) return;
        for (const [name, isAlike] of names()) await explore([...way, name], isAlike);
    };
    await settle();
    for (const [name, isAlike] of names()) await explore([name], isAlike);
    await closeAll();
    return found;
}"""


class Offer(NamedTuple):
    """A button, by the names of those before it and its own; what it asked for: method and path, each."""

    way: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]


def press_all(page: Page) -> list[Offer]:
    """All that a page offers. It was opened with ``HOLD_BACK``."""
    found: list[tuple[list[str], list[list[str]]]] = page.evaluate(PRESS_ALL)
    return [Offer(tuple(way), tuple((method, path) for method, path in asked)) for way, asked in found]
