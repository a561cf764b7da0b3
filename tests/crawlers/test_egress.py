import pytest
from twisted.internet.address import IPv4Address, IPv6Address

from crawlers.egress import GuardedResolver, is_public


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::8.8.8.8"]
)
def test_public_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
        ),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "2002:a00:1::"),
    ],
)
def test_all_other_addresses_are_not(address):
    assert not is_public(address)


class Receiver:
    """Collects what a resolver lets through."""

    def __init__(self):
        self.addresses, self.complete = [], False

    def resolutionBegan(self, resolution):  # noqa: N802
        pass

    def addressResolved(self, address):  # noqa: N802
        self.addresses.append((address.host, address.port))

    def resolutionComplete(self):  # noqa: N802
        self.complete = True


class Names:
    """A reactor with a resolver that answers from a table."""

    def __init__(self, **table):
        self.table = {name.replace("_", "."): addresses for name, addresses in table.items()}
        self.nameResolver = self

    def resolveHostName(self, receiver, name, port, *_):  # noqa: N802
        for host in self.table[name]:
            receiver.addressResolved((IPv6Address if ":" in host else IPv4Address)("TCP", host, port))
        receiver.resolutionComplete()


def resolve(name, *, private=(), book=None, **table):
    receiver = Receiver()
    GuardedResolver(Names(**table), frozenset(private), book or {}).resolveHostName(receiver, name, 80)
    assert receiver.complete
    return receiver.addresses


def test_a_public_host_is_dialled_where_it_was_found():
    assert resolve("a.example", a_example=["8.8.8.8", "9.9.9.9"]) == [("8.8.8.8", 80), ("9.9.9.9", 80)]


def test_one_private_address_spoils_a_host():
    assert resolve("a.example", a_example=["8.8.8.8", "10.0.0.1"]) == []


def test_a_host_may_live_at_a_private_address_if_its_source_says_so():
    assert resolve("a.example", private=["a.example"], a_example=["10.0.0.1"]) == [("10.0.0.1", 80)]
    assert resolve("b.example", private=["a.example"], b_example=["10.0.0.1"]) == []


def test_the_address_book_says_where_a_host_is_dialled():
    assert resolve("a.example", book={"a.example": ("127.0.0.1", 4711)}) == [("127.0.0.1", 4711)]
