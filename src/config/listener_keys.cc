// The part of the table below listeners, without their routes (route_keys.cc); see keys.h and
// keys.cc.
#include "config/keys.h"

#include <meridian/codec/http1.h>

namespace meridian::config {
namespace {

constexpr double kMillisecond = 1e6, kSecond = 1e9, kHour = 3600 * kSecond;
constexpr double kKiB = 1024, kMiB = 1024 * kKiB, kPiB = kMiB * kMiB * kKiB;
constexpr std::string_view kContinents = "AF AN AS EU NA OC SA";

using enum Type;

constexpr Key kListenerKeys[] = {
    Key{"listeners", kNames, "Addresses that Meridian accepts on."}.With(kMergeable),
    Key{"listeners.*", kMap, "One listener."},
    Key{"listeners.*.bind", kList, "Addresses; port 0 lets the system choose."}.With(kRequired |
                                                                                     kNonEmpty),
    Key{"listeners.*.bind[]", kAddress, "IP:port, or unix:PATH."},
    Key{"listeners.*.backlog", kInteger,
        "Connections that wait to be accepted, of each worker; net.core.somaxconn bounds it.",
        "4096"}
        .In(1, 65535),
    Key{"listeners.*.freebind", kBool,
        "Also listen on an address that this machine does not have yet; heeded when a socket is "
        "opened.",
        "false"},
    Key{"listeners.*.fast_open", kBool,
        "TCP Fast Open: first bytes may come with the SYN, maybe twice; needs bit 2 of "
        "net.ipv4.tcp_fastopen.",
        "false"},
    Key{"listeners.*.defer_accept", kBool,
        "Accept a connection when its first bytes are there; not for servers that speak first.",
        "false"},
    Key{"listeners.*.protocol", kWord, "What clients speak.", "http", "http tcp udp"}.Called(
        "a protocol"),
    Key{"listeners.*.service", kName,
        "Where everything goes; for tcp this or routes, for udp this."},
    Key{"listeners.*.tls", kMap, "TLS towards clients.", "off", "off"},
    Key{"listeners.*.tls.certificates", kList,
        "Chosen by server name: exact, then wildcard, then the first; RSA and ECDSA may share one."}
        .With(kRequired | kNonEmpty),
    Key{"listeners.*.tls.certificates[]", kMap, "A certificate with its key."},
    Key{"listeners.*.tls.certificates[].certificate", kFile,
        "PEM: the server's own certificate first, then each issuer."}
        .With(kRequired),
    Key{"listeners.*.tls.certificates[].key", kFile, "Its private key, PEM, without passphrase."}
        .With(kRequired),
    Key{"listeners.*.tls.certificates[].ocsp", kFile,
        "OCSP response to staple, DER; read again at each reload.", "none", "none"},
    Key{"listeners.*.tls.min_version", kWord, "Oldest version that is spoken.", "1.2", "1.2 1.3"}
        .Called("a TLS version"),
    Key{"listeners.*.tls.alpn", kList,
        "Protocols offered, preferred first; by default h2 and http/1.1 for http, none for tcp."},
    Key{"listeners.*.tls.alpn[]", kWord, "A protocol.", "", "h2 http/1.1"}.Called(
        "a protocol for ALPN"),
    Key{"listeners.*.tls.client_ca", kFile,
        "Certificates, PEM, of whom a client must have one; none: clients need none.", "none",
        "none"},
    Key{"listeners.*.tls.ticket_key_file", kFile,
        "Secrets, one a line, that session tickets are encrypted with: the first for new ones, all "
        "accepted; none: ephemeral ones.",
        "none", "none"},
    Key{"listeners.*.trusted_proxies", kList, "Peers whose word on the client's address is taken."},
    Key{"listeners.*.trusted_proxies[]", kPrefix, "An address block."},
    Key{"listeners.*.via", kName,
        "Our name in Via, added to requests and responses; off: none is, since some servers do not "
        "compress for proxies.",
        "off", "off"},
    Key{"listeners.*.proxy_protocol", kWord, "PROXY header from trusted peers.", "off",
        "off accept require"}
        .Called("a use of the PROXY protocol"),
    Key{"listeners.*.limits", kMap, "Bounds on what a client may send."},
    Key{"listeners.*.limits.header_size", kBytes, "Request head.", "32KiB"}.In(kKiB, kMiB),
    Key{"listeners.*.limits.headers", kInteger, "Number of headers.", "100"}.In(1,
                                                                                codec::kMaxFields),
    Key{"listeners.*.limits.body_size", kBytes, "Request body.", "unlimited", "unlimited"}.In(0,
                                                                                              kPiB),
    Key{"listeners.*.limits.header_timeout", kDuration, "For the whole request head.", "10s"}.In(
        kMillisecond, kHour),
    Key{"listeners.*.limits.body_timeout", kDuration, "For the whole request body.", "unlimited",
        "unlimited"}
        .In(kMillisecond, 24 * kHour),
    Key{"listeners.*.limits.min_rate", kBytes,
        "Of a request body a second, over five seconds each; a slower client is cut off.",
        "unlimited", "unlimited"}
        .In(1, kMiB),
    Key{"listeners.*.limits.rate", kInteger,
        "Requests a second from one client; with tcp new connections, with udp new sessions.",
        "unlimited", "unlimited"}
        .In(1, 1e6),
    Key{"listeners.*.limits.accept_rate", kInteger,
        "New connections a second from all clients together; more are reset.", "unlimited",
        "unlimited"}
        .In(1, 1e6),
    Key{"listeners.*.limits.rate_burst", kInteger, "Requests at once; auto: as many as a second's.",
        "auto", "auto"}
        .In(1, 1e9),
    Key{"listeners.*.limits.rate_by", kWord,
        "What is one client: its address (of IPv6 the /64), or a header's value, header:NAME.",
        "client", "client header"}
        .Called("a kind of client")
        .With(kArgument),
    Key{"listeners.*.limits.connections", kInteger,
        "Connections that all clients together may have open; more are reset.", "unlimited",
        "unlimited"}
        .In(1, 1e8),
    Key{"listeners.*.limits.connections_per_client", kInteger,
        "Connections, or with udp sessions, that one address (of IPv6 the /64) may have open.",
        "unlimited", "unlimited"}
        .In(1, 65535),
    Key{"listeners.*.limits.requests_per_connection", kInteger,
        "Requests after which a connection is closed.", "unlimited", "unlimited"}
        .In(1, 1e9),
    Key{"listeners.*.limits.sessions", kInteger,
        "Sessions at once, for udp; a new one beyond that is dropped.", "65536"}
        .In(1, 1e8),
    Key{"listeners.*.allow", kMap, "Only clients that one of these lists holds."},
    Key{"listeners.*.allow.country", kList, "Countries."},
    Key{"listeners.*.allow.country[]", kCountry, "ISO 3166-1 alpha-2 code."},
    Key{"listeners.*.allow.continent", kList, "Continents."},
    Key{"listeners.*.allow.continent[]", kWord, "Continent code.", "", kContinents}.Called(
        "a continent code"),
    Key{"listeners.*.allow.asn", kList, "Autonomous systems."},
    Key{"listeners.*.allow.asn[]", kInteger, "Autonomous system number."}.In(1, 4294967295),
    Key{"listeners.*.allow.network", kList, "Address blocks."},
    Key{"listeners.*.allow.network[]", kPrefix, "An address block."},
    Key{"listeners.*.deny", kMap, "No clients that one of these lists holds; wins over allow."},
    Key{"listeners.*.deny.country", kList, "Countries."},
    Key{"listeners.*.deny.country[]", kCountry, "ISO 3166-1 alpha-2 code."},
    Key{"listeners.*.deny.continent", kList, "Continents."},
    Key{"listeners.*.deny.continent[]", kWord, "Continent code.", "", kContinents}.Called(
        "a continent code"),
    Key{"listeners.*.deny.asn", kList, "Autonomous systems."},
    Key{"listeners.*.deny.asn[]", kInteger, "Autonomous system number."}.In(1, 4294967295),
    Key{"listeners.*.deny.network", kList, "Address blocks."},
    Key{"listeners.*.deny.network[]", kPrefix, "An address block."},
};

}  // namespace

std::span<const Key> ListenerKeys() {
  return kListenerKeys;
}

}  // namespace meridian::config
