// See client_hello.h. The hello is read field by field through its records, so that a record's end
// may lie anywhere, and from its beginning each time, since it mostly comes in one piece. What is
// wrong shows only when the whole has come, except for what the record layer and the hello's first
// four bytes say: so the outcome does not depend on how the bytes were split.
#include <meridian/base/text.h>
#include <meridian/codec/client_hello.h>

#include <algorithm>

namespace meridian::codec {
namespace {

constexpr uint8_t kHandshake = 22, kClientHello = 1, kHostName = 0;
constexpr uint16_t kServerName = 0, kAlpn = 16;
constexpr size_t kRecordHead = 5, kMaxRecord = 16 * 1024;

tl::unexpected<Error> Refuse(ErrorCode code, const char* context) {
  return Fail(code, context, 0, Side::kClient);
}

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == ':';
}

}  // namespace

// The handshake bytes of consecutive records, one after the other.
class ClientHelloReader {
 public:
  explicit ClientHelloReader(std::string_view bytes) : rest_(bytes.substr(0, kMaxClientHello)) {}

  Result<ClientHello> Read() {
    ClientHello hello;
    Result<> whole = FindEnd();
    if (!whole) return tl::unexpected(whole.error());
    if (state_ != State::kWhole) {
      hello.progress = state_ == State::kNotTls ? ClientHello::Progress::kNotTls
                                                : ClientHello::Progress::kNeedMore;
      return hello;
    }
    if (const char* fault = ReadHello(hello)) return Refuse(ErrorCode::kMalformed, fault);
    hello.progress = ClientHello::Progress::kDone;
    return hello;
  }

 private:
  enum class State : uint8_t { kMore, kNotTls, kWhole };

  // Walks the records until the hello is whole; then begins anew, behind its first four bytes.
  Result<> FindEnd() {
    const std::string_view all = rest_;
    size_t needed = 4, have = 0;
    std::array<uint8_t, 4> head{};
    for (bool first = true;; first = false) {
      if (first && !LooksLikeTls()) {
        state_ = State::kNotTls;
        return {};
      }
      if (rest_.size() < kRecordHead) break;
      if (!OpenRecord()) return Refuse(ErrorCode::kMalformed, "bad-tls-record");
      const size_t there = std::min(record_left_, rest_.size());
      for (size_t i = 0; i < there && have + i < head.size(); ++i) {
        head[have + i] = static_cast<uint8_t>(rest_[i]);
        if (have + i == 0 && head[0] != kClientHello)
          return Refuse(ErrorCode::kMalformed, "not-a-client-hello");
      }
      if (have < head.size() && have + there >= head.size()) {
        needed = head.size() + (size_t{head[1]} << 16 | size_t{head[2]} << 8 | head[3]);
        if (needed > kMaxClientHello) break;
      }
      have += there;
      if (have >= head.size() && have >= needed) {
        hello_left_ = needed;
        rest_ = all;
        record_left_ = 0;
        Skip(head.size());
        state_ = State::kWhole;
        return {};
      }
      rest_.remove_prefix(there);
      if (there < record_left_) break;
    }
    const bool full = needed > kMaxClientHello || all.size() == kMaxClientHello;
    if (full) return Refuse(ErrorCode::kTooLarge, "client-hello-too-large");
    return {};
  }

  // A record's type and major version: no other protocol's greeting begins with these two bytes.
  bool LooksLikeTls() const {
    if (!rest_.empty() && rest_[0] != static_cast<char>(kHandshake)) return false;
    return rest_.size() < 2 || rest_[1] == 3;
  }

  bool OpenRecord() {
    record_left_ = size_t{static_cast<uint8_t>(rest_[3])} << 8 | static_cast<uint8_t>(rest_[4]);
    const bool good = LooksLikeTls() && record_left_ > 0 && record_left_ <= kMaxRecord;
    rest_.remove_prefix(kRecordHead);
    return good;
  }

  // From here on all bytes are there. Past the hello's end, zeros, and `bad_` is set.
  uint8_t Byte() {
    if (hello_left_ == 0) {
      bad_ = true;
      return 0;
    }
    while (record_left_ == 0) OpenRecord();
    const uint8_t byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    --record_left_;
    --hello_left_;
    return byte;
  }
  uint16_t Word() {
    const uint16_t high = Byte();
    return static_cast<uint16_t>(high << 8 | Byte());
  }
  void Skip(size_t count) {
    if (count > hello_left_) {
      bad_ = true;
      count = hello_left_;
    }
    hello_left_ -= count;
    while (count > 0) {
      if (record_left_ == 0) OpenRecord();
      const size_t here = std::min(count, record_left_);
      rest_.remove_prefix(here);
      record_left_ -= here;
      count -= here;
    }
  }

  // The fault, or null.
  const char* ReadHello(ClientHello& hello) {
    static constexpr const char* kBad = "bad-client-hello";
    Skip(2 + 32);  // legacy_version, random
    const size_t session_id = Byte();
    Skip(session_id);
    const size_t suites = Word();
    Skip(suites);
    const size_t methods = Byte();
    Skip(methods);
    if (bad_ || session_id > 32 || suites < 2 || suites % 2 != 0 || methods == 0) return kBad;
    if (hello_left_ == 0) return nullptr;  // before TLS 1.3 there may be no extensions at all
    if (Word() != hello_left_) return kBad;
    bool named = false, offered = false;  // RFC 8446 section 4.2: once
    while (hello_left_ > 0 && !bad_) {
      const uint16_t type = Word();
      const size_t size = Word();
      if (bad_ || size > hello_left_) return kBad;
      if (type == kServerName) {
        if (std::exchange(named, true)) return "bad-server-name";
        if (const char* fault = ReadNames(size, hello)) return fault;
      } else if (type == kAlpn) {
        if (std::exchange(offered, true) || !ReadProtocols(size, hello)) return "bad-alpn";
      } else {
        Skip(size);
      }
    }
    return bad_ ? kBad : nullptr;
  }

  // RFC 7301 section 3.1: a list of names, none of them empty.
  bool ReadProtocols(size_t size, ClientHello& hello) {
    const size_t end = hello_left_ - size;
    if (size < 2 || Word() != size - 2 || size == 2) return false;
    bool fits = true;
    while (hello_left_ > end) {
      const size_t bytes = Byte();
      if (bytes == 0 || bytes > hello_left_ - end) return false;
      fits = fits && hello.alpn_bytes_ + 1 + bytes <= hello.alpn_.size();
      if (!fits) {
        Skip(bytes);
        continue;
      }
      hello.alpn_[hello.alpn_bytes_++] = static_cast<char>(bytes);
      for (size_t i = 0; i < bytes; ++i) {
        hello.alpn_[hello.alpn_bytes_++] = static_cast<char>(Byte());
      }
    }
    return true;
  }

  // RFC 6066 section 3: a list of names, at most one of each type; only host_name is known.
  const char* ReadNames(size_t size, ClientHello& hello) {
    static constexpr const char* kBad = "bad-server-name";
    const size_t end = hello_left_ - size;
    if (size < 2 || Word() != size - 2 || size == 2) return kBad;
    bool named = false;
    while (hello_left_ > end) {
      if (hello_left_ - end < 3) return kBad;
      const uint8_t type = Byte();
      const size_t bytes = Word();
      if (bytes == 0 || bytes > hello_left_ - end) return kBad;
      if (type != kHostName) {
        Skip(bytes);
        continue;
      }
      if (std::exchange(named, true) || !ReadName(bytes, hello)) return kBad;
    }
    return nullptr;
  }

  bool ReadName(size_t bytes, ClientHello& hello) {
    if (bytes > hello.name_.size()) return false;
    bool good = true;
    for (size_t i = 0; i < bytes; ++i) {
      hello.name_[i] = LowerAscii(static_cast<char>(Byte()));
      good = good && IsNameByte(hello.name_[i]);
    }
    if (hello.name_[bytes - 1] == '.') --bytes;
    hello.name_bytes_ = static_cast<uint8_t>(bytes);
    return good && bytes > 0 && hello.name_[0] != '.';
  }

  std::string_view rest_;   // of the bytes, from inside the current record on
  size_t record_left_ = 0;  // of the current record
  size_t hello_left_ = 0;   // of the hello
  State state_ = State::kMore;
  bool bad_ = false;
};

bool OffersProtocol(std::string_view offered, std::string_view protocol) {
  while (!offered.empty()) {
    const size_t bytes = static_cast<uint8_t>(offered[0]);
    if (offered.substr(1, bytes) == protocol) return true;
    offered.remove_prefix(std::min(1 + bytes, offered.size()));
  }
  return false;
}

Result<ClientHello> ParseClientHello(std::string_view bytes) {
  return ClientHelloReader(bytes).Read();
}

}  // namespace meridian::codec
