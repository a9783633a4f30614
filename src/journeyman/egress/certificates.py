"""Making certificates, with their library; loaded when one is needed, which in most processes is never."""

import datetime
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from journeyman.egress.policy import literal

_YEARS = 10
_LEAF_DAYS = 30
_DAY = datetime.timedelta(days=1)


def make_authority() -> tuple[bytes, bytes]:
    """A private key and its certificate, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own, so that certificates of two installations are not taken for each other's.
    name = _name(f"Journeyman egress {secrets.token_hex(4)}")
    certificate = (
        _builder(name, name, key, 365 * _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _private(key), certificate.public_bytes(serialization.Encoding.PEM)


class Leaves:
    """Mints certificates of an authority, all for one key of this process."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._ca = x509.load_pem_x509_certificate(certificate.read_bytes())
        signer = serialization.load_pem_private_key(key.read_bytes(), None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key} is not a key that Journeyman made.")
        self._signer = signer
        self._key = ec.generate_private_key(ec.SECP256R1())

    def mint(self, host: str) -> bytes:
        """A certificate for a name or address, and its private key, as PEM. Raises ValueError for what is neither."""
        address = literal(host)
        alternative = x509.IPAddress(address) if address else x509.DNSName(host)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._signer.public_key())
        certificate = (
            _builder(_name(host[:64]), self._ca.subject, self._key, _LEAF_DAYS)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._signer, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM) + _private(self._key)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
