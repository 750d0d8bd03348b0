"""TLS with MySQL servers: whom to trust, what a failure means, and when a password may be sent as it is."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, NoReturn

from wkms_migrate.config import MysqlServer
from wkms_migrate.errors import ConfigError

# Codes of OpenSSL's certificate verification (x509_vfy.h).
NOT_YET_VALID, EXPIRED = 9, 10
UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
OTHER_NAME = frozenset({62, 64})  # a host name, an IP address
# Plugins that send a password, or a token in its place, to the server as it is.
CLEAR_TEXT = ("mysql_clear_password", "dialog")


def context(server: MysqlServer, where: str) -> ssl.SSLContext | None:
    """Return what the configuration asks of TLS; None is no TLS at all."""
    if server.tls == "off":
        return None
    if server.ca is not None and not Path(server.ca).exists():
        raise ConfigError(f"The CA bundle {server.ca} of the {where} is not there.", hint="Correct mysql.ca.")
    try:
        made = ssl.create_default_context(cafile=None if server.ca is None else str(server.ca))
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(
            f"The CA bundle {server.ca} of the {where} cannot be read: {error}.",
            hint="mysql.ca must be a file of certificates in PEM.",
        ) from error
    # Servers make their own CA without the extensions that the strict profile of newer Pythons asks for.
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if server.tls == "required":
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def failure(server: MysqlServer, where: str, error: ssl.SSLError) -> ConfigError:
    """Return what to tell of a failed handshake."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None
    if code in {EXPIRED, NOT_YET_VALID}:
        state = "has expired" if code == EXPIRED else "is not valid yet"
        return ConfigError(
            f"TLS with the {where} failed: its certificate {state}.",
            hint="Check this machine's clock. Renew the certificate on the server; on RDS: `aws rds modify-db-instance"
            " --db-instance-identifier … --ca-certificate-identifier rds-ca-rsa2048-g1`.",
        )
    if code in OTHER_NAME:
        return ConfigError(
            f"TLS with the {where} failed: its certificate is not for {server.host}.",
            hint="Write the server's own name in mysql.host, as the cloud shows it, not an IP address or an alias.",
        )
    if code in UNKNOWN_AUTHORITY:
        return ConfigError(
            f"TLS with the {where} failed: the authority that signed its certificate is not trusted.",
            hint="mysql.ca must hold it: for RDS the region's bundle, for Azure DigiCert Global Root G2 and Microsoft"
            " RSA Root Certificate Authority 2017.",
        )
    return ConfigError(
        f"TLS with the {where} failed: {error.reason or error}.",
        hint="mysql.ca must hold the CA that signed the server's certificate, and mysql.host the name in it.",
    )


def plugins(server: MysqlServer, where: str) -> dict[str, Any]:
    """Return pymysql's handlers of authentication plugins: without verified TLS nothing is sent as it is."""
    if server.tls == "verify":
        return {}

    class Refusing:
        def __init__(self, _connection: object) -> None:
            pass

        def authenticate(self, _packet: object) -> NoReturn:
            raise ConfigError(
                f"The {where} asks for the password as it is, and TLS is not verified: it was not sent.",
                hint="Set mysql.tls to verify.",
            )

    return dict.fromkeys(CLEAR_TEXT, Refusing)
