# SPDX-License-Identifier: Apache-2.0
"""Which text may go to nodes, where it ends in files that root reads.

Each rule takes a text and returns it, or raises ValueError with the rest of a
sentence that begins with the attribute's name.  The API checks what is
sent, and a new cluster is checked once more, as its template may be older
than these rules; what is stored is never checked when it is read.
"""

import dataclasses
import ipaddress
import re
from typing import Any

_HOST = r'(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?'

# What RFC 3986 lets a user name and a password hold, without what a shell
# heeds inside of quotes.
_LOGIN = r'(?:[A-Za-z0-9._~!&()*+,;=:-]|%[0-9A-Fa-f]{2})*@'


@dataclasses.dataclass(frozen=True)
class Rule:
    """`pattern` must match all of a text; `expected` ends "must be ..."."""

    pattern: str
    expected: str

    def __call__(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f'must be {self.expected}')
        return value


proxy = Rule(
    rf'(?:(?:https?|socks5h?)://)?(?:{_LOGIN})?{_HOST}'
    r'(?:/[A-Za-z0-9._~/-]*)?',
    'the URL of a proxy such as http://user:password@proxy.example.org:3128, '
    'with special characters written like %40')

no_proxy = Rule(
    r'[A-Za-z0-9._:/*\[\], -]+',
    'host names, domains, addresses or networks with commas between them')

registry = Rule(_HOST, 'a host, or host:port, without a scheme')

word = Rule('[A-Za-z0-9][A-Za-z0-9._-]*',
            'a word of letters, digits and any of . _ -')

label = Rule('[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?',
             'at most 63 letters, digits and any of . _ - that begin and end '
             'with a letter or digit, as it becomes a label of nodes')

url = Rule(r"[A-Za-z0-9._~:/?#\[\]@!&()*+,;=%-]*", 'a URL')


def name_servers(value: str) -> str:
    try:
        # Python takes any text for the zone of an address, and any space
        # around it is kept: here it is a blank.
        if not re.fullmatch('[0-9A-Fa-f:., ]+', value):
            raise ValueError
        for item in value.split(','):
            ipaddress.ip_address(item.strip())
    except ValueError:
        raise ValueError('must be IP addresses separated by commas') from None
    return value


# Of templates, by attribute.
RULES = {
    'http_proxy': proxy, 'https_proxy': proxy, 'no_proxy': no_proxy,
    'insecure_registry': registry, 'dns_nameserver': name_servers,
    'docker_storage_driver': word}


def check(source: Any) -> tuple[str, str] | None:
    """Which attribute of a template may not go to nodes, and why.

    :param source: a template, or a specification; None if all may go.
    """
    for name, rule in RULES.items():
        value = getattr(source, name)
        try:
            if value is not None:
                rule(value)
        except ValueError as e:
            return name, str(e)
    return None


def systemd(name: str, value: str) -> str:
    """A line of a unit that sets an environment variable to any value.

    Specifiers begin with a percent sign, and quoted text has C's escapes.
    """
    escaped = ''.join(_ESCAPES.get(char, char) for char in value)
    return f'Environment="{name}={escaped}"\n'


_ESCAPES = {'\\': '\\\\', '"': '\\"', '%': '%%', '\n': '\\n', '\r': '\\r',
            '\t': '\\t'}
