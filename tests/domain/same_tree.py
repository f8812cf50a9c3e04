"""Compares domain XML before and after patching as libxml2 reads it.

Reads lines "BEFORE<tab>AFTER<tab>KIND<tab>NAME<tab>PORTGROUP" (files, and where interfaces were to go) from stdin, and
prints a line for each pair that differs by more than moved interfaces.
"""

import sys

from lxml import etree

DOMAINS = "/domain | /domstatus/domain | /domainsnapshot/domain | /domainsnapshot/inactiveDomain"
# What an interface elsewhere cannot keep; the last three only where it comes from type user.
REMOVED = {"virtualport", "actual", "target", "ip", "route", "portForward", "backend"}
OF_SOURCE = {"network", "bridge", "dev", "portgroup", "portid", "mode", "macTableManager"}
MOVABLE = {"network", "bridge", "direct", "user"}


def parse(file):
    # As libvirt reads it: entities stay, and nothing is fetched.
    return etree.parse(file, etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=False))


def interfaces(tree):
    return [i for domain in tree.xpath(DOMAINS) for i in domain.xpath("./devices/interface")]


def plain(element, without=()):
    """An element in canonical form, without some of its children and without white space between its children."""
    copy = etree.fromstring(etree.tostring(element, with_tail=False), etree.XMLParser(resolve_entities=False))
    for child in [child for child in copy if child.tag in without]:
        before, tail = child.getprevious(), child.tail or ""
        if before is not None:
            before.tail = (before.tail or "") + tail
        else:
            copy.text = (copy.text or "") + tail
        child.tail = None
        copy.remove(child)
    if len(copy) or without:
        copy.text = "".join((copy.text or "").split())
    for child in copy:
        child.tail = "".join((child.tail or "").split())
    return etree.tostring(copy, method="c14n", with_comments=True)


def moved(before, after, kind, name, portgroup):
    """What is wrong with an interface that has changed; nothing if it is right."""
    if before.get("type", "user") not in MOVABLE or after.get("type") != kind:
        return "the type"
    attributes = dict(before.attrib, type=kind)
    if attributes != dict(after.attrib):
        return "its attributes"
    source, old = after.find("source"), before.find("source")
    wanted = {kind: name, **({"portgroup": portgroup} if portgroup else {})}
    kept = {k: v for k, v in (old.attrib if old is not None else {}).items() if k not in OF_SOURCE}
    if source is None or dict(source.attrib) != {**kept, **wanted}:
        return "the source"
    if [plain(c) for c in source] != [plain(c) for c in (old if old is not None else [])]:
        return "what is in the source"
    of_user = before.get("type", "user") == "user"
    removable = REMOVED if of_user else {"virtualport", "actual", "target"}
    left = {child.tag for child in after} & {"virtualport", "actual"}
    if left:
        return "left: %s" % left
    without = removable | {"source"}
    one, other = etree.fromstring(plain(before, without)), etree.fromstring(plain(after, without))
    one.attrib["type"] = kind
    if kind == "bridge":
        for inbound in one.findall("bandwidth/inbound"):
            inbound.attrib.pop("floor", None)
    # Removable children that stay have to be as they were.
    stay = [plain(c) for c in after if c.tag in removable]
    if any(c not in [plain(b) for b in before if b.tag in removable] for c in stay):
        return "a part"
    return None if etree.tostring(one, method="c14n") == etree.tostring(other, method="c14n") else "other parts"


def differs(before, after, kind, name, portgroup):
    before, after = parse(before), parse(after)
    pairs = list(zip(interfaces(before), interfaces(after)))
    if len(interfaces(before)) != len(interfaces(after)):
        return "the number of interfaces"
    for old, new in pairs:
        if etree.tostring(old, method="c14n", with_tail=False) != etree.tostring(new, method="c14n", with_tail=False):
            wrong = moved(old, new, kind, name, portgroup)
            if wrong:
                return "line %d: %s" % (old.sourceline, wrong)
    for old, new in pairs:
        for element in (old, new):
            for child in list(element):
                element.remove(child)
            element.attrib.clear()
            element.text = None
    if etree.tostring(before, method="c14n") != etree.tostring(after, method="c14n"):
        return "outside of interfaces"
    return None


def is_of_namespaces(error):
    """Whether it is about namespaces, which libxml2 reports, and reads on (xmlNsErr in its parser.c)."""
    return all(entry.domain == etree.ErrorDomains.NAMESPACE for entry in error.error_log)


for line in sys.stdin:
    before, after, kind, name, portgroup = line.rstrip("\n").split("\t")
    try:
        wrong = differs(before, after, kind, name, portgroup)
    except etree.XMLSyntaxError as error:
        wrong = None if is_of_namespaces(error) else error
    except etree.C14NError:
        # A namespace that is no absolute URI has no canonical form.
        wrong = None
    if wrong:
        print("%s: %s" % (before, wrong))
