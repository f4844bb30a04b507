// See access_log.h.
#include "proxy/access_log.h"

namespace meridian::proxy {

void AccessLog::Configure(const config::AccessLog& config) {
  on_ = queue_ != nullptr && !config.path.empty();
  combined_ = config.combined;
}

void AccessLog::Write(const geo::Locator& locator, AccessLine& line) {
  if (!on_) return;
  text_.clear();
  if (combined_) {
    AppendCombined(line, text_);
  } else {
    const geo::Location location = locator.Locate(line.client);
    line.country = location.country.view();
    line.city = location.city;
    AppendJson(line, text_);
  }
  queue_->Push(text_);
}

void AccessRecord::Add(size_t part, std::string_view text, size_t most) {
  text = text.substr(0, most);
  sizes_[part] = static_cast<uint16_t>(text.size());
  text_.append(text);
}

void AccessRecord::Begin(const AccessOrigin& origin, const codec::Head& head, MonotonicTime now,
                         bool agents) {
  on_ = true;
  outcome = {};
  text_.clear();
  begun_ = now;
  grpc_ = origin.grpc;
  client_ = origin.client;
  listener_ = origin.listener;
  tls_ = TlsWord(origin.tls);
  protocol_ = origin.http2 ? "HTTP/2.0" : head.minor == 0 ? "HTTP/1.0" : "HTTP/1.1";
  sizes_ = {};
  Add(0, head.method, kMaxOther);
  Add(1, head.host, kMaxOther);
  Add(2, head.path.empty() ? head.authority : head.path, kMaxPath);  // CONNECT has none
  Add(3, origin.request_id, kMaxOther);
  if (!agents) return;
  const auto value = [&head](std::string_view name) {
    const codec::Field* field = head.Find(name);
    return field == nullptr ? std::string_view() : field->value;
  };
  Add(4, value("referer"), kMaxOther);
  Add(5, value("user-agent"), kMaxOther);
}

// A gRPC call is told so by its trailers, under 200.
void AccessRecord::Refuse(Failure failure, std::string_view detail) {
  outcome.failure = Name(failure);
  if (outcome.status != 0) return;
  outcome.status = grpc_ ? uint16_t{200} : static_cast<uint16_t>(StatusOf(failure));
  const bool has_body = !grpc_ && std::string_view(text_).substr(0, sizes_[0]) != "HEAD";
  outcome.bytes_out = has_body ? ErrorBodyBytes(failure, detail) : 0;
}

void AccessRecord::Fill(MonotonicTime now, WallTime wall, AccessLine& line) const {
  std::string_view rest = text_;
  for (size_t i = 0;
       std::string_view* const part :
       {&line.method, &line.host, &line.path, &line.request_id, &line.referer, &line.agent}) {
    *part = rest.substr(0, sizes_[i]);
    rest.remove_prefix(sizes_[i++]);
  }
  line.total = now - begun_;
  line.time = wall - line.total;
  line.client = client_;
  line.listener = listener_->config.name;
  line.protocol = protocol_;
  line.tls = tls_;
  line.status = outcome.status;
  line.bytes_out = outcome.bytes_out;
  line.connect = outcome.connect;
  line.first_byte = outcome.first_byte;
  if (outcome.failure != nullptr) line.reason = outcome.failure;
}

std::string_view SessionWord(routing::Pin pin) {
  switch (pin) {
    case routing::Pin::kNone:
      return {};
    case routing::Pin::kNew:
    case routing::Pin::kInvalid:
      return "new";
    case routing::Pin::kKept:
      return "kept";
    case routing::Pin::kMoved:
      return "moved";
    case routing::Pin::kRejected:
      return "rejected";
  }
  return {};
}

const char* TlsWord(const tls::Stream* stream) {
  return stream == nullptr ? "" : tls::Name(stream->version());
}

}  // namespace meridian::proxy
