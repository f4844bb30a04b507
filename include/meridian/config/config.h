// A whole validated configuration as plain values: what CONFIG.md describes, defaults filled in,
// paths made absolute, names checked. Made only by config/load.h; immutable afterwards.
#pragma once

#include <meridian/base/log.h>
#include <meridian/base/time.h>
#include <meridian/config/route.h>
#include <meridian/net/address.h>
#include <meridian/topology/topology.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace meridian::config {

struct Process {
  uint32_t workers = 0;  // 0: auto
  std::string state_directory;
  Duration drain_timeout = std::chrono::seconds(30);
  uint64_t max_connections = 0;  // 0: auto
  Duration startup_grace = std::chrono::seconds(2);
  uint64_t session_table = 65536;  // moved sessions without a cookie that are remembered
  uint64_t client_table = 65536;   // clients whose rate and connections are known

  bool operator==(const Process&) const = default;
};

struct AccessLog {
  std::string path;       // absolute; "stdout"; empty: off
  bool combined = false;  // Apache's format; else JSON

  bool operator==(const AccessLog&) const = default;
};

struct Log {
  log::Level level = log::Level::kInfo;
  bool json = false;
  AccessLog access;

  bool operator==(const Log&) const = default;
};

// What an operator says of an address block or of unknown clients; a key not given is empty.
struct Place {
  std::optional<double> latitude, longitude;  // both or none
  std::string country, continent, subdivision;
  std::optional<uint32_t> asn;

  bool operator==(const Place&) const = default;
};

struct Geo {
  std::vector<std::string> databases;  // absolute paths, in order
  std::vector<std::pair<net::Prefix, Place>> networks;
  std::optional<Place> default_place;

  bool operator==(const Geo&) const = default;
};

enum class Protocol : uint8_t { kTcp, kHttp, kUdp };
const char* Name(Protocol protocol);

// Requests (tcp: connections, udp: sessions) a second of one client, and at once.
struct RateLimit {
  uint32_t per_second = 1;
  uint32_t burst = 1;
  std::string
      header;  // whose value tells clients apart; empty, or absent from a request: the address

  bool operator==(const RateLimit&) const = default;
};

struct Limits {
  uint64_t header_bytes = 32 * 1024;
  uint32_t headers = 100;
  std::optional<uint64_t> body_bytes;  // empty: unlimited
  Duration header_timeout = std::chrono::seconds(10);
  std::optional<Duration> body_timeout;  // for the whole body; empty: none
  std::optional<uint64_t> min_rate;      // of a body, bytes a second; empty: none
  std::optional<RateLimit> rate;         // empty: unlimited
  std::optional<uint32_t> connections;   // at once; likewise
  std::optional<uint32_t> connections_per_client, requests_per_connection;  // likewise
  uint32_t sessions = 65536;            // udp: at once, over all workers
  std::optional<uint32_t> accept_rate;  // new connections a second, of all clients; empty: any

  bool operator==(const Limits&) const = default;
};

// Paths are absolute.
struct ListenerCertificate {
  std::string certificate, key;
  std::string ocsp;  // empty: nothing is stapled

  bool operator==(const ListenerCertificate&) const = default;
};

struct ListenerTls {
  std::vector<ListenerCertificate> certificates;  // at least one; the first is the default
  bool only_tls13 = false;
  std::vector<std::string> alpn;  // preferred first; http: both unless given, tcp: none
  std::string client_ca;          // empty: no client certificates
  std::string ticket_key_file;    // empty: an ephemeral key

  bool operator==(const ListenerTls&) const = default;
};

// How the system is asked to listen.
struct ListenSocket {
  uint32_t backlog = 4096;    // connections that wait to be accepted, of each worker
  bool freebind = false;      // the address may be one that this machine does not have yet
  bool fast_open = false;     // bytes may come with the SYN (RFC 7413)
  bool defer_accept = false;  // accepted when the first bytes are there

  bool operator==(const ListenSocket&) const = default;
};

struct Listener {
  std::string name;
  std::vector<net::Address> bind;
  Protocol protocol = Protocol::kHttp;
  std::string service;        // udp; tcp without routes
  std::vector<Route> routes;  // tcp: by server name, or none; http: a lone `service` becomes one
                              // route for everything
  std::vector<net::Prefix> trusted_proxies;
  std::string via;  // our name in Via (RFC 9110 section 7.6.3); empty: none is added
  enum class ProxyProtocol : uint8_t {
    kOff,
    kAccept,
    kRequire
  } proxy_protocol = ProxyProtocol::kOff;
  ListenSocket socket;
  Limits limits;
  std::optional<topology::Match> allow, deny;  // any entry of any of their lists; deny wins
  std::optional<ListenerTls> tls;              // empty: plain

  bool operator==(const Listener&) const = default;
};

// A program that is run when something happens, or asked whether a site may open.
struct Hook {
  std::string name;
  std::vector<std::string> on_event;  // "failover", "failover/moved"; "*": any
  std::string service;                // only events of it; empty: of any, or of none
  std::vector<std::string> run;       // the program's absolute path, then its arguments
  bool gate = false;
  Duration timeout = std::chrono::seconds(30);
  uint32_t queue = 64;   // events that wait for it
  uint32_t at_once = 1;  // processes

  bool operator==(const Hook&) const = default;
};

struct Admin {
  std::string socket = "/run/meridian/admin.sock";
  std::optional<net::Address> http;
  std::string token_file;

  bool operator==(const Admin&) const = default;
};

struct Config {
  Process process;
  Log log;
  Geo geo;
  topology::Topology topology;
  topology::ResolverPolicy resolver;
  std::vector<Listener> listeners;  // sorted by name
  Admin admin;
  std::vector<Hook> hooks;  // sorted by name

  bool operator==(const Config&) const = default;
};

}  // namespace meridian::config
