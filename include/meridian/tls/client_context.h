// How a service's backends are spoken to by TLS: whom to trust, which name to ask for and verify,
// our own certificate. Made on the control thread from files, constant afterwards, shared by all
// workers. And the place where a session waits to be resumed.
#pragma once

#include <meridian/tls/problems.h>

#include <memory>
#include <string>
#include <vector>

namespace meridian::tls {

struct ClientOptions {
  std::string server_name;  // sent (SNI) and verified; empty: the address is verified, none is sent
  std::string ca;           // PEM file; empty: the system's
  std::string certificate, key;  // PEM files, both or none: for backends that want to know us
  bool verify = true;
  std::vector<std::string> alpn = {};  // what we speak, preferred first; empty: it is not said

  bool operator==(const ClientOptions&) const = default;
};

class ClientContext {
 public:
  // Null when there is an error; both are reported.
  static std::shared_ptr<const ClientContext> Create(const ClientOptions& options,
                                                     Problems& problems);
  ~ClientContext();

  // Equal for two contexts made of the same options and the same bytes in their files: what was
  // established with one may go on with the other.
  const std::string& fingerprint() const;

  struct State;
  const State& state() const { return *state_; }

 private:
  explicit ClientContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The latest session of one backend, as one worker knows it: offered by its next connection. Owned
// by the worker; its streams hold it too, because tickets come late.
class SessionSlot {
 public:
  SessionSlot();
  ~SessionSlot();
  SessionSlot(const SessionSlot&) = delete;
  SessionSlot& operator=(const SessionSlot&) = delete;

  bool empty() const;
  void Clear();

  struct Kept;
  Kept& kept() { return *kept_; }

 private:
  std::unique_ptr<Kept> kept_;
};

}  // namespace meridian::tls
