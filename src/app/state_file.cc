// See state_file.h.
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <meridian/base/descriptor.h>
#include <meridian/base/format.h>
#include <meridian/base/hash.h>
#include <meridian/base/text.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace meridian::app {
namespace {

constexpr std::string_view kMagic = "meridian-intents 2", kOldMagic = "meridian-intents 1";
constexpr size_t kMaxFileBytes = 64 << 20;

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    if (text[i] != '\\' && text[i] != 't' && text[i] != 'n') return std::nullopt;
    out += text[i] == 't' ? '\t' : text[i] == 'n' ? '\n' : '\\';
  }
  return out;
}

// The next line without its end; empty when there is no whole line left.
std::optional<std::string_view> TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// At most Count fields between tabs; the number found, Count + 1 for more.
template <size_t Count>
size_t SplitTabs(std::string_view line, std::array<std::string_view, Count>& fields) {
  for (size_t i = 0; i < Count; ++i) {
    const size_t tab = line.find('\t');
    fields[i] = line.substr(0, tab);
    if (tab == std::string_view::npos) return i + 1;
    line.remove_prefix(tab + 1);
  }
  return Count + 1;
}

std::optional<WallTime> ParseTime(std::string_view text) {
  const auto value = ParseUnsigned(text);
  if (!value || *value > INT64_MAX) return std::nullopt;
  return WallTime(Duration(static_cast<int64_t>(*value)));
}

std::optional<std::pair<std::string, health::IntentRecord>> ParseRecord(std::string_view line,
                                                                        bool old) {
  std::array<std::string_view, 7> fields;
  if (SplitTabs(line, fields) != fields.size() - (old ? 1 : 0)) return std::nullopt;
  if (old) std::copy_backward(fields.begin() + 4, fields.begin() + 6, fields.end());
  if (old) fields[4] = "0";
  health::IntentRecord record;
  if (fields[1] == health::Name(health::Intent::kDrain)) {
    record.intent = health::Intent::kDrain;
  } else if (fields[1] == health::Name(health::Intent::kOut)) {
    record.intent = health::Intent::kOut;
  } else {
    return std::nullopt;
  }
  const auto target = Unescape(fields[0]);
  const auto since = ParseTime(fields[2]), deadline = ParseTime(fields[3]);
  const auto expires = ParseTime(fields[4]);
  const auto author = Unescape(fields[5]), reason = Unescape(fields[6]);
  if (!target || target->empty() || !author || !reason) return std::nullopt;
  if (!since || !deadline || !expires) return std::nullopt;
  record.since = *since;
  record.deadline = *deadline;
  record.expires = *expires;
  record.author = *author;
  record.reason = *reason;
  return std::pair(*target, record);
}

Result<std::string> ReadAll(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) {
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, "open", errno);
  }
  std::string text;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(ErrorCode::kIo, "read", errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > kMaxFileBytes) return Fail(ErrorCode::kTooLarge, "the file is too large");
  }
}

Result<> WriteDurably(const std::string& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!file.ok()) return Fail(ErrorCode::kIo, "open", errno);
  while (!text.empty()) {
    const ssize_t put = ::write(file.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Fail(ErrorCode::kIo, "write", errno);
    text.remove_prefix(static_cast<size_t>(put));
  }
  if (::fsync(file.get()) != 0) return Fail(ErrorCode::kIo, "fsync", errno);
  return {};
}

}  // namespace

std::string WriteIntents(const Intents& intents) {
  std::string text = Format("{}\n", kMagic);
  for (const auto& [target, record] : intents) {
    text += Format(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\n", Escape(target), health::Name(record.intent),
        record.since.time_since_epoch().count(), record.deadline.time_since_epoch().count(),
        record.expires.time_since_epoch().count(), Escape(record.author), Escape(record.reason));
  }
  return text + Format("end\t{}\t{:016x}\n", intents.size(), Hash(text));
}

Result<Intents> ReadIntents(std::string_view text) {
  const std::string_view whole = text;
  const auto magic = TakeLine(text);
  const bool old = magic == kOldMagic;
  if (!old && magic != kMagic) return Fail(ErrorCode::kMalformed, "it is not an intents file");
  Intents intents;
  for (;;) {
    const size_t before = whole.size() - text.size();
    const auto line = TakeLine(text);
    if (!line) return Fail(ErrorCode::kMalformed, "its end is missing");
    if (line->starts_with("end\t")) {
      const std::string end =
          Format("end\t{}\t{:016x}", intents.size(), Hash(whole.substr(0, before)));
      if (*line != end || !text.empty()) {
        return Fail(ErrorCode::kMalformed, "its checksum does not agree");
      }
      return intents;
    }
    auto record = ParseRecord(*line, old);
    if (!record) return Fail(ErrorCode::kMalformed, "one of its records is malformed");
    if (intents.size() == kMaxIntents) return Fail(ErrorCode::kTooLarge, "too many records");
    intents.push_back(std::move(*record));
  }
}

StateFile::StateFile(std::string directory)
    : directory_(std::move(directory)), path_(directory_ + "/intents") {}

Result<Intents> StateFile::Load() {
  const auto text = ReadAll(path_);
  if (!text && text.error().code == ErrorCode::kNotFound) return Intents{};
  auto intents = text ? ReadIntents(*text) : Result<Intents>(tl::unexpected(text.error()));
  if (!intents) {
    std::rename(path_.c_str(), (path_ + ".corrupt").c_str());
  }
  return intents;
}

Result<> StateFile::Save(const Intents& intents) {
  if (::mkdir(directory_.c_str(), 0750) != 0 && errno != EEXIST) {
    return Fail(ErrorCode::kIo, "mkdir", errno);
  }
  const std::string temporary = path_ + ".new";
  if (auto written = WriteDurably(temporary, WriteIntents(intents)); !written) return written;
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) {
    return Fail(ErrorCode::kIo, "rename", errno);
  }
  const Descriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok() || ::fsync(directory.get()) != 0) {
    return Fail(ErrorCode::kIo, "fsync of the directory", errno);
  }
  return {};
}

}  // namespace meridian::app
