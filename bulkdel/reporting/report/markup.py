"""Elements of a page whose words come from elsewhere: they are text, whatever is in them.

Not here: which elements (`html`, `charts`).
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

from bulkdel.utf8 import shown


def element(tag: str, *inside: Element | str, **attributes: str) -> Element:
    """Return an element with attributes, and text or other elements in it."""
    made = Element(tag, {name: shown(value) for name, value in attributes.items()})
    last: Element | None = None
    for each in inside:
        if isinstance(each, Element):
            made.append(each)
            last = each
        elif last is None:
            made.text = (made.text or "") + shown(each)
        else:
            last.tail = (last.tail or "") + shown(each)
    return made


def html_text(root: Element) -> str:
    """Return a page as text, escaped as HTML wants it."""
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html") + "\n"
