"""DNS messages: a question read, an answer written. Pure but for the library."""

from ipaddress import IPv4Address

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

_SECONDS = 5
"""Time to live of an answer: an address is given to another name only after thousands of others."""


class Question:
    """One question of one client."""

    def __init__(self, message: dns.message.Message) -> None:
        self._message = message
        self._asked = message.question[0]

    @property
    def host(self) -> str:
        """Folded, without a trailing dot; the root is empty."""
        return self._asked.name.to_text(omit_final_dot=True).lower()

    @property
    def wants_address(self) -> bool:
        """Whether an IPv4 address answers it."""
        return self._asked.rdtype in {dns.rdatatype.A, dns.rdatatype.ANY}

    @property
    def reversed_address(self) -> str | None:
        """The IPv4 address whose name is asked for."""
        if self._asked.rdtype != dns.rdatatype.PTR:
            return None
        labels = self.host.split(".")
        if len(labels) != 6 or labels[4:] != ["in-addr", "arpa"]:
            return None
        try:
            return str(IPv4Address(".".join(reversed(labels[:4]))))
        except ValueError:
            return None

    def address(self, address: str) -> bytes:
        return self._answer(dns.rcode.NOERROR, dns.rdatatype.A, address)

    def pointer(self, host: str) -> bytes:
        return self._answer(dns.rcode.NOERROR, dns.rdatatype.PTR, host + ".")

    def nothing(self) -> bytes:
        """There is such a name, but nothing of the kind that was asked for."""
        return self._answer(dns.rcode.NOERROR)

    def no_such_name(self) -> bytes:
        return self._answer(dns.rcode.NXDOMAIN)

    def failure(self) -> bytes:
        return self._answer(dns.rcode.SERVFAIL)

    def _answer(self, code: dns.rcode.Rcode, kind: dns.rdatatype.RdataType | None = None, value: str = "") -> bytes:
        response = dns.message.make_response(self._message, recursion_available=True)
        response.set_rcode(code)
        if kind is not None:
            name = self._asked.name
            response.answer.append(dns.rrset.from_text(name, _SECONDS, dns.rdataclass.IN, kind, value))
        return response.to_wire()


def parse(data: bytes) -> Question | None:
    """None for what deserves no answer: garbage, answers, other kinds of messages."""
    try:
        message = dns.message.from_wire(data, question_only=True)
        is_question = not message.flags & dns.flags.QR and message.opcode() == dns.opcode.QUERY
        if not is_question or len(message.question) != 1 or message.question[0].rdclass != dns.rdataclass.IN:
            return None
        question = Question(message)
        question.nothing()
    except (dns.exception.DNSException, ValueError, IndexError):
        return None
    return question
