"""The rows of a page that loses its connection at a bad moment: whatever was told in between, it ends at the newest."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import OpenTab

# A store of rows on a stream and a server that do what they are told, in this order and no other.
ON_STRINGS = """async story => {
    const script = document.querySelector('script[type=module]').src;
    const assets = script.slice(0, script.indexOf('/', script.indexOf('/assets/') + 8));
    const { Live } = await import(assets + '/kit/js/live.js');
    const real = [window.EventSource, window.fetch];
    const sources = [], answers = [];
    window.EventSource = class extends EventTarget {
        constructor() { super(); sources.push(this); }
        close() {}
    };
    window.fetch = () => new Promise(resolve => answers.push(value => resolve(
        { ok: true, status: 200, headers: new Headers(), json: async () => [{ kind: 'camera', key: 'C', value }] })));
    const settle = () => new Promise(resolve => setTimeout(resolve));
    const live = new Live();
    live._open();
    for (const [what, value] of story) {
        const source = sources.at(-1);
        if (what === 'open' || what === 'reset') source.dispatchEvent(new MessageEvent(what, { data: '{}' }));
        if (what === 'change') {
            const data = JSON.stringify({ kind: 'camera', key: 'C', value });
            source.dispatchEvent(new MessageEvent('change', { data }));
        }
        if (what === 'answer') answers.shift()(value);
        if (what === 'online') live._reopen();
        await settle();
    }
    [window.EventSource, window.fetch] = real;
    return [live.find('camera', 'C') ?? null, live.state, answers.length];
}"""


@pytest.mark.req("CTRL-12")
def test_a_page_whose_connection_goes_while_it_reads_ends_at_the_newest(open_tab: OpenTab):
    tab = open_tab("viewer")
    tab.open("/account")

    def told(*story: tuple[str, str] | tuple[str]) -> Any:
        return tab.page.evaluate(ON_STRINGS, [list(each) for each in story])

    assert told(("open",), ("change", "a"), ("answer", "b")) == ["a", "live", 0]
    # The network comes back while everything is being read: what that answers is older than the new stream's place.
    again = told(("open",), ("online",), ("answer", "old"), ("open",), ("answer", "new"))
    assert again == ["new", "live", 0]
    # Told twice to read anew: a change after the first answer is newer than the second.
    twice = told(("open",), ("reset",), ("answer", "old"), ("change", "newer"), ("answer", "old"))
    assert twice == ["newer", "live", 0]
