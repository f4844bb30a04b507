// One worker's end of the access log: what of a request is remembered until it ends, and its line
// on the way to the writer. The worker's thread. Nothing here allocates in steady state, makes a
// system call or waits.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/proxy/access_queue.h>
#include <meridian/routing/decide.h>
#include <meridian/snapshot/snapshot.h>
#include <meridian/tls/stream.h>

#include <array>
#include <string>
#include <string_view>

#include "proxy/access_line.h"
#include "proxy/http_head.h"

namespace meridian::proxy {

class AccessLog {
 public:
  // `queue` may be null: then it stays off.
  explicit AccessLog(AccessQueue* queue) : queue_(queue) {}

  // What a snapshot says of it holds from now on.
  void Configure(const config::AccessLog& config);
  bool on() const { return on_; }
  // Whether its form has a place for Referer and User-Agent.
  bool names_agents() const { return combined_; }

  // Writes the line, having added where the client is.
  void Write(const geo::Locator& locator, AccessLine& line);

 private:
  AccessQueue* queue_;
  bool on_ = false, combined_ = false;
  std::string text_;  // scratch
};

// How the client of a request came in; all views and pointers are the caller's.
struct AccessOrigin {
  const snapshot::Listener* listener = nullptr;
  net::IpAddress client;
  const tls::Stream* tls = nullptr;  // null: plain
  bool http2 = false, grpc = false;
  std::string_view request_id;
};

// What becomes of a request's head: the head itself is gone when its line is written. Recycled with
// its owner, so that its text keeps its capacity.
class AccessRecord {
 public:
  // Longer ones are cut.
  static constexpr size_t kMaxPath = 8192, kMaxOther = 1024;

  // `agents`: Referer and User-Agent are wanted, too. `origin.listener` outlives the record.
  void Begin(const AccessOrigin& origin, const codec::Head& head, MonotonicTime now, bool agents);
  bool on() const { return on_; }
  // Meridian itself ends it, for this; `detail` is what its answer says besides.
  void Refuse(Failure failure, std::string_view detail);
  // What it remembers, as views of it, in `line`; `wall` is the same moment as `now`.
  void Fill(MonotonicTime now, WallTime wall, AccessLine& line) const;
  void End() { on_ = false; }
  MonotonicTime begun() const { return begun_; }

  // What comes to be known until it ends.
  struct Outcome {
    uint16_t status = 0;
    uint64_t bytes_out = 0;
    Duration connect = AccessLine::kNever, first_byte = AccessLine::kNever;
    const char* failure = nullptr;  // why it ended, if not by a whole response: a literal
    bool complete = false;
  } outcome;

 private:
  static constexpr size_t kParts = 6;  // method, host, path, id, referer, agent
  void Add(size_t part, std::string_view text, size_t most);

  bool on_ = false;
  bool grpc_ = false;
  net::IpAddress client_;
  const snapshot::Listener* listener_ = nullptr;
  const char* protocol_ = "";
  const char* tls_ = "";
  MonotonicTime begun_{};
  std::string text_;  // the parts, one behind the other
  std::array<uint16_t, kParts> sizes_{};
};

// "new", "kept", "moved", "rejected"; empty: none.
std::string_view SessionWord(routing::Pin pin);
// "1.3"; empty for a plain connection.
const char* TlsWord(const tls::Stream* stream);

}  // namespace meridian::proxy
