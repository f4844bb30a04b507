// The connection as its owner uses it. http2_callbacks.cc holds what nghttp2 calls.
#include <meridian/base/check.h>
#include <meridian/base/hash.h>
#include <meridian/codec/http2.h>

#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "codec/http2_callbacks.h"
#include "codec/http2_shared.h"

namespace meridian::codec {
namespace {

constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kMaxFieldsSent = kMaxFields + 16;
constexpr size_t kKeptBodyBytes = 4096;  // of a stream's buffer, for its next use

// How many of each there may be at once, and how many more each second. Ordinary clients stay far
// below: a ping every ten seconds, a few settings ever, two window updates for a DATA frame (which
// earns them).
struct Budget {
  int32_t burst, each_second;
};
constexpr std::array<Budget, static_cast<size_t>(Http2Fault::kCount)> kBudget{{
    /* kNone */ {0, 0},
    /* kProtocol */ {0, 0},
    /* kResets */ {500, 50},
    /* kPings */ {100, 10},
    /* kSettings */ {50, 1},
    /* kEmptyFrames */ {100, 10},
    /* kContinuations */ {0, 0},  // nghttp2's, for each head
    /* kWindowUpdates */ {1000, 100},
    /* kOtherFrames */ {500, 100},
}};
constexpr size_t kMaxContinuations = 8;
constexpr size_t kMaxHeadSent = 256 * 1024;  // more than any head that is passed on has

nghttp2_nv NameValue(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

nghttp2_option* MakeOption() {
  nghttp2_option* option = nullptr;
  MERIDIAN_CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_continuations(option, kMaxContinuations);
  nghttp2_option_set_max_send_header_block_length(option, kMaxHeadSent);
  // Counted by our own budgets, which look at what a reset costs.
  nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, 0);
  return option;
}

Http2Memory& MemoryOf(void* user) {
  return *static_cast<Http2Memory*>(user);
}

nghttp2_mem MakeMemory(Http2Memory& memory) {
  return {
      &memory,
      [](size_t bytes, void* user) { return MemoryOf(user).Allocate(bytes); },
      [](void* block, void* user) { MemoryOf(user).Free(block); },
      [](size_t count, size_t bytes, void* user) {
        return MemoryOf(user).AllocateZeroed(count, bytes);
      },
      [](void* block, size_t bytes, void* user) { return MemoryOf(user).Resize(block, bytes); },
  };
}

}  // namespace

Http2Preface ReadHttp2Preface(std::string_view bytes) {
  const size_t seen = std::min(bytes.size(), kClientPreface.size());
  if (bytes.substr(0, seen) != kClientPreface.substr(0, seen)) return Http2Preface::kNo;
  return seen == kClientPreface.size() ? Http2Preface::kYes : Http2Preface::kMaybe;
}

const char* Name(Http2Fault fault) {
  switch (fault) {
    case Http2Fault::kNone:
    case Http2Fault::kCount:
      break;
    case Http2Fault::kProtocol:
      return "protocol";
    case Http2Fault::kResets:
      return "resets";
    case Http2Fault::kPings:
      return "pings";
    case Http2Fault::kSettings:
      return "settings";
    case Http2Fault::kEmptyFrames:
      return "empty-frames";
    case Http2Fault::kContinuations:
      return "continuations";
    case Http2Fault::kWindowUpdates:
      return "window-updates";
    case Http2Fault::kOtherFrames:
      return "other-frames";
  }
  return "none";
}

Http2Pool::Http2Pool() : shared_(std::make_unique<Http2Shared>()) {}
Http2Pool::~Http2Pool() = default;

Http2Connection::Http2Connection(Role role, const Http2Limits& limits, Http2Shared& shared,
                                 Http2Handler& handler)
    : role_(role), limits_(limits), shared_(shared), handler_(handler) {
  static const nghttp2_option* const kOption = MakeOption();
  for (size_t i = 0; i < kBudgets; ++i) budgets_[i] = kBudget[i].burst;
  const bool server = role == Role::kServer;
  nghttp2_mem memory = MakeMemory(shared_.memory);
  const auto make = server ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  MERIDIAN_CHECK(make(&session_, SessionCallbacks(), this, kOption, &memory) == 0);
  const std::array<nghttp2_settings_entry, 5> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits_.head.head_bytes},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
      server ? nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}
             : nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
  }};
  MERIDIAN_CHECK(
      nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0);
  MERIDIAN_CHECK(
      nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                            static_cast<int32_t>(limits_.connection_window)) == 0);
}

Http2Connection::~Http2Connection() {
  nghttp2_session_del(session_);
  if (block_) shared_.blocks.push_back(std::move(block_));
}

void Http2Connection::Receive(std::string_view bytes, MonotonicTime now) {
  if (fault_ != Http2Fault::kNone) return;
  Refill(now);
  const ssize_t used = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used >= 0) return;
  switch (used) {
    case NGHTTP2_ERR_CALLBACK_FAILURE:
      return;  // a budget is spent, and Fail was called
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      return Fail(Http2Fault::kContinuations);
    case NGHTTP2_ERR_FLOODED:
      return Fail(Http2Fault::kPings);
    default:
      return Fail(Http2Fault::kProtocol);
  }
}

void Http2Connection::Take(std::string& out, size_t enough) {
  out_ = &out;
  enough_ = enough;
  while (out.size() < enough) {
    const uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) Fail(Http2Fault::kProtocol);  // out of memory
    if (size <= 0) break;
    out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
  }
  out_ = nullptr;
}

bool Http2Connection::wants_output() const {
  return nghttp2_session_want_write(session_) != 0;
}

bool Http2Connection::done() const {
  const bool reads = fault_ == Http2Fault::kNone && nghttp2_session_want_read(session_) != 0;
  return !reads && !wants_output();
}

void Http2Connection::Refill(MonotonicTime now) {
  using std::chrono::seconds;
  if (refilled_ == MonotonicTime()) refilled_ = now;
  const auto passed = std::chrono::floor<seconds>(now - refilled_);
  if (passed.count() <= 0) return;
  refilled_ += passed;
  const auto times = static_cast<int32_t>(std::min<int64_t>(passed.count(), 1000));
  for (size_t i = 0; i < kBudgets; ++i) {
    if (budgets_[i] >= kBudget[i].burst) continue;  // earned
    budgets_[i] = std::min(kBudget[i].burst, budgets_[i] + times * kBudget[i].each_second);
  }
}

// False: the budget is spent, and the connection with it.
bool Http2Connection::Charge(Http2Fault what) {
  if (--budgets_[static_cast<size_t>(what)] >= 0) return true;
  Fail(what);
  return false;
}

// A DATA frame sent may be answered by two window updates, and a ping that measures the path (as
// gRPC does to size its windows).
void Http2Connection::EarnByData() {
  static constexpr int32_t kMost = 1'000'000;
  const auto earn = [this](Http2Fault what, int32_t more) {
    int32_t& budget = budgets_[static_cast<size_t>(what)];
    budget = std::min(budget + more, kMost);
  };
  earn(Http2Fault::kWindowUpdates, 2);
  earn(Http2Fault::kPings, 1);
}

void Http2Connection::Fail(Http2Fault fault) {
  if (fault_ != Http2Fault::kNone) return;
  fault_ = fault;
  Terminate(fault == Http2Fault::kProtocol ? Http2Code::kProtocolError
                                           : Http2Code::kEnhanceYourCalm);
}

void Http2Connection::Terminate(Http2Code code) {
  nghttp2_session_terminate_session(session_, static_cast<uint32_t>(code));
}

void Http2Connection::BeginShutdown() {
  if (std::exchange(shutting_down_, true)) return;
  nghttp2_submit_shutdown_notice(session_);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);  // its answer: nothing is on its way
}

bool Http2Connection::Request(Http2Stream& stream, std::span<const Field> fields, bool end) {
  std::array<nghttp2_nv, kMaxFieldsSent> sent;
  size_t count = 0;
  for (const Field& field : fields) {
    if (count == sent.size()) break;
    sent[count++] = NameValue(field.name, field.value);
  }
  const nghttp2_data_provider body{{.ptr = &stream}, ReadBody};
  const int32_t id =
      nghttp2_submit_request(session_, nullptr, sent.data(), count, end ? nullptr : &body, &stream);
  if (id <= 0) return false;
  stream.id_ = id;
  ++streams_;
  return true;
}

size_t Http2Connection::room() const {
  if (fault_ != Http2Fault::kNone || shutting_down_ ||
      nghttp2_session_check_request_allowed(session_) == 0)
    return 0;
  if (!ready_) return streams_ == 0 ? 1 : 0;
  const uint32_t most =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  const size_t limit = std::min(most, limits_.streams);
  return limit > streams_ ? limit - streams_ : 0;
}

bool Http2Connection::takes_tunnels() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) ==
         1;
}

void Http2Connection::Respond(Http2Stream& stream, uint16_t status, std::span<const Field> fields,
                              bool end) {
  if (!stream.open()) return;
  const std::array<char, 3> digits{static_cast<char>('0' + status / 100 % 10),
                                   static_cast<char>('0' + status / 10 % 10),
                                   static_cast<char>('0' + status % 10)};
  std::array<nghttp2_nv, kMaxFieldsSent> sent;
  size_t count = 0;
  sent[count++] = NameValue(":status", {digits.data(), digits.size()});
  for (const Field& field : fields) {
    if (count == sent.size()) break;
    sent[count++] = NameValue(field.name, field.value);
  }
  if (status < 200) {
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, sent.data(), count,
                           nullptr);
    return;
  }
  const nghttp2_data_provider body{{.ptr = &stream}, ReadBody};
  nghttp2_submit_response(session_, stream.id_, sent.data(), count, end ? nullptr : &body);
}

void Http2Connection::SendBody(Http2Stream& stream, std::span<const std::string_view> pieces,
                               bool end) {
  if (!stream.open()) return;
  for (const std::string_view piece : pieces) stream.out_.append(piece);
  stream.end_ |= end;
  if (!stream.deferred_ || (stream.pending_bytes() == 0 && !end)) return;
  stream.deferred_ = false;
  nghttp2_session_resume_data(session_, stream.id_);
}

void Http2Connection::AddTrailer(Http2Stream& stream, std::string_view name,
                                 std::string_view value) {
  if (!stream.open()) return;
  stream.trailers_.append(name).push_back('\0');
  stream.trailers_.append(value).push_back('\0');
}

void Http2Connection::Consumed(Http2Stream& stream) {
  if (!stream.open() || stream.unconsumed_ == 0) return;
  nghttp2_session_consume(session_, stream.id_, std::exchange(stream.unconsumed_, 0));
}

bool Http2Connection::SentAll(const Http2Stream& stream) const {
  return nghttp2_session_get_stream_local_close(session_, stream.id_) == 1;
}

// The stream's bytes stay until it is closed: nghttp2 may be about to ask for them.
void Http2Connection::Reset(Http2Stream& stream, Http2Code code) {
  if (!stream.open()) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, static_cast<uint32_t>(code));
}

void Http2Connection::Bind(Http2Stream& stream, int32_t id) {
  stream.id_ = id;
  ++streams_;
  nghttp2_session_set_stream_user_data(session_, id, &stream);
}

void Http2Connection::Closed(Http2Stream& stream, Http2Code code) {
  // What nobody will take any more must not keep the connection's window shut.
  if (stream.unconsumed_ > 0) nghttp2_session_consume_connection(session_, stream.unconsumed_);
  stream.id_ = 0;
  stream.unconsumed_ = 0;
  stream.sent_ = 0;
  stream.out_.clear();
  if (stream.out_.capacity() > kKeptBodyBytes) stream.out_ = std::string();
  stream.trailers_.clear();
  stream.end_ = stream.deferred_ = stream.answered_ = stream.tunnel_ = false;
  --streams_;
  stream.OnClosed(code);
}

void Http2Connection::BeginHead() {
  in_head_ = true;
  if (!block_ && !shared_.blocks.empty()) {
    block_ = std::move(shared_.blocks.back());
    shared_.blocks.pop_back();
  }
  if (!block_) block_ = std::make_unique<FieldBlock>();
  block_->Begin(limits_.head);
}

void Http2Connection::HeadDone(int32_t id, bool end, bool first) {
  in_head_ = false;
  auto* stream = static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session_, id));
  if (role_ == Role::kServer && first) {
    stream = handler_.NewStream();
    if (stream == nullptr) {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    } else {
      Bind(*stream, id);
    }
  }
  if (stream != nullptr) TellHead(*stream, end, first);
  shared_.blocks.push_back(std::move(block_));
}

void Http2Connection::TellHead(Http2Stream& stream, bool end, bool first) {
  Head& head = shared_.head;
  const bool server = role_ == Role::kServer;
  const bool trailers = server ? !first : stream.answered_;
  const uint64_t draw = Combine(static_cast<uint64_t>(stream.id_),
                                static_cast<uint64_t>(refilled_.time_since_epoch().count()));
  const Refusal refusal = trailers ? block_->ReadTrailers(head)
                          : server ? block_->ReadRequest(end, draw, head)
                                   : block_->ReadResponse(end, head);
  if (refusal) {
    const Side side = server ? Side::kClient : Side::kBackend;
    stream.OnRefused({refusal.code, side, Retry::kNever, 0, refusal.context});
  } else if (trailers) {
    stream.OnEnd(std::span(head.fields.data(), head.field_count));
  } else {
    stream.answered_ = head.status >= 200;
    stream.tunnel_ = server && head.upgrade;
    stream.OnHead(head, end);
  }
}

}  // namespace meridian::codec
