// A client as the world has them, for the demo's tour: blocking sockets, one connection kept alive,
// from a source address of its choice. It knows nothing of Meridian. One thread at a time.
#pragma once

#include <meridian/net/address.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::app {

class DemoClient {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  struct Response {
    int status = 0;
    Fields fields;
    std::string body;

    std::string Field(std::string_view name) const;  // the first, ignoring case; empty: none
    // "meridian=…" of a Set-Cookie; empty: none.
    std::string Cookie() const;
  };

  // `source` not ok(): any.
  DemoClient(const net::Address& server, const net::IpAddress& source)
      : server_(server), source_(source) {}
  ~DemoClient() { Close(); }
  DemoClient(const DemoClient&) = delete;
  DemoClient& operator=(const DemoClient&) = delete;

  // Over the connection that is there, else a new one. Never tried twice. Empty: it failed, within
  // five seconds; the connection is closed.
  std::optional<Response> Request(std::string_view method, std::string_view path,
                                  const Fields& fields = {});
  std::optional<Response> Get(const Fields& fields = {}) { return Request("GET", "/", fields); }
  void Close();

  int connects() const { return connects_; }  // so far, the first included

 private:
  bool Connect();
  std::optional<Response> Read(std::string_view method);

  net::Address server_;
  net::IpAddress source_;
  int fd_ = -1;
  int connects_ = 0;
};

}  // namespace meridian::app
