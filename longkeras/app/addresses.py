"""The address that the page is served at, checked before anything is loaded."""

import errno
import ipaddress
import socket

LARGEST_PORT = 65_535


class AddressError(ValueError):
    """An address that the page cannot be served at; the message says what to change."""


def check_address(host, port):
    """Check that a server can listen at an address.

    Args:
        host: str. A name or a number of this machine.
        port: int.

    Returns:
        bool: whether other machines can reach it.

    Raises:
        AddressError: the host is unknown or is not this machine, or the port is in use
            or reserved.
    """
    addresses = _addresses(host, port)
    for family, address in addresses:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(address)
            except OSError as error:
                raise AddressError(_reason(error, host, port)) from error
    return not all(
        ipaddress.ip_address(address[0].partition("%")[0]).is_loopback
        for _, address in addresses
    )


def _addresses(host, port):
    bare = host.removeprefix("[").removesuffix("]")
    try:
        # An empty host would be every address of the machine.
        if not bare:
            raise OSError("no name")
        found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)
    # A name with too long a label cannot be encoded for DNS.
    except (OSError, UnicodeError) as error:
        raise AddressError(
            "--host must be a name or an address of this machine, such as 127.0.0.1, "
            f"or 0.0.0.0 for all of its addresses. Received: --host {host!r}"
        ) from error
    return [(family, address) for family, _, _, _, address in found]


def _reason(error, host, port):
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is in use. Choose another one with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"Port {port} needs the rights of an administrator. Choose one from 1,024 "
            "on with --port."
        )
    return f"--host must be an address of this machine. Received: --host {host}"
