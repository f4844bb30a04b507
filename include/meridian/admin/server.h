// The admin API: HTTP/1.1 and JSON on the Unix socket, and on admin.http where set; metrics and
// health too. On the control thread's loop. INTERFACES.md gives the paths.
#pragma once

#include <meridian/admin/control.h>
#include <meridian/net/loop.h>

#include <memory>
#include <string>
#include <vector>

namespace meridian::admin {

struct ServerOptions {
  net::Address address;
  std::string token;     // needed for changes; see `trusted`
  bool trusted = false;  // a Unix socket: whoever reaches it may change things, without a token
};

class Server {
 public:
  Server(net::Loop& loop, Control& control);
  ~Server();

  // May be called for several addresses. Errors as Loop::Listen's.
  Result<net::Address> Listen(const ServerOptions& options);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace meridian::admin
