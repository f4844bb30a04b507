// See access_writer.h.
#include "access_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <meridian/base/format.h>
#include <meridian/base/log.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace meridian::app {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(10);
constexpr int kRoomMs = 100;
constexpr int kRoomTries = 10;  // once it is to end: a second
constexpr int kRounds = 64;     // of a flush, so that orders are heard under any load
constexpr mode_t kMode = 0640;

// -1: errno says why. A FIFO that nobody reads is refused rather than waited for.
int OpenFile(const std::string& path) {
  if (path == "stdout") return ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, kMode);
}

std::string CannotOpen(const std::string& path) {
  return Format("log.access.path: cannot open '{}': {}", path, std::strerror(errno));
}

}  // namespace

AccessWriter::AccessWriter(size_t workers) : timer_(*this) {
  for (size_t i = 0; i < workers; ++i) queues_.push_back(std::make_unique<proxy::AccessQueue>());
}

tl::expected<void, std::string> AccessWriter::Prepare(const config::AccessLog& config) {
  next_.reset();
  next_path_ = config.path;
  if (config.path.empty() || config.path == path_) return {};
  if (!thread_) {
    auto thread = LoopThread::Create();
    if (!thread) return tl::unexpected("log.access: " + Describe(thread.error()));
    thread_ = std::move(*thread);
    thread_->Start("access-log", [this] {
      Flush();
      timer_.Disarm();
      if (file_ >= 0) ::close(file_);
      file_ = -1;
    });
  }
  const int file = OpenFile(config.path);
  if (file < 0) return tl::unexpected(CannotOpen(config.path));
  next_ = std::make_unique<Descriptor>(file);
  return {};
}

void AccessWriter::Commit() {
  if (next_path_ == path_) return;
  path_ = next_path_;
  Give(next_ ? next_->Release() : -1);
  next_.reset();
}

void AccessWriter::Reopen() {
  if (path_.empty() || path_ == "stdout") return log::Info("SIGUSR1: no log file to reopen");
  const int file = OpenFile(path_);
  if (file < 0) return log::Error("{}; the old file goes on", CannotOpen(path_));
  Give(file);
  log::Info("access log: {} opened anew", path_);
}

void AccessWriter::Give(int file) {
  thread_->loop().Post([this, file] {
    Flush();
    if (file_ >= 0) ::close(file_);
    file_ = file;
    in_line_ = false;
    struct stat status {};
    in_pieces_ = file >= 0 && (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode));
    if (file < 0) return timer_.Disarm();
    thread_->loop().Arm(timer_, kLook);
  });
}

void AccessWriter::Stop() {
  stopping_.store(true);
  if (thread_) thread_->Stop();
}

void AccessWriter::OnTimer(net::Timer&) {
  Flush();
  thread_->loop().Arm(timer_, kLook);
}

void AccessWriter::Flush() {
  if (file_ < 0) return;
  for (int round = 0; round < kRounds && FlushOnce(); ++round) {
  }
}

// False: nothing was there.
bool AccessWriter::FlushOnce() {
  bool any = false;
  for (const auto& queue : queues_) {
    const proxy::AccessQueue::Waiting waiting = queue->Peek();
    if (waiting.size() == 0) continue;
    any = true;
    // A line may begin in the one and end in the other.
    if (Write(waiting.first)) {
      Write(waiting.second);
    } else {
      Lose(waiting.second);
    }
    queue->Pop(waiting.size());
  }
  return any;
}

// Whole, or the rest of it is lost.
bool AccessWriter::Write(std::string_view bytes) {
  // What was cut short by a failure is ended, so that the next line stands for itself.
  if (!bytes.empty() && failing_ && in_line_) in_line_ = WriteSome("\n") == 0;
  while (!bytes.empty()) {
    const size_t written = WriteSome(bytes);
    if (written == 0) {
      if (!std::exchange(failing_, true))
        log::Error("access log: lines are lost: {}", std::strerror(errno));
      Lose(bytes);
      return false;
    }
    in_line_ = bytes[written - 1] != '\n';
    bytes.remove_prefix(written);
  }
  if (std::exchange(failing_, false)) log::Info("access log: lines are written again");
  return true;
}

// 0: errno says why.
size_t AccessWriter::WriteSome(std::string_view bytes) {
  // A pipe that is ready takes so much without waiting, and as a whole (POSIX, write).
  if (in_pieces_) bytes = bytes.substr(0, PIPE_BUF);
  for (;;) {
    if (in_pieces_ && !WaitForRoom()) return 0;
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written > 0) return static_cast<size_t>(written);
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written == 0) errno = EIO;
    return 0;
  }
}

// Whoever reads the other end may take their time, but not for ever once the process is to end.
bool AccessWriter::WaitForRoom() const {
  for (int tries = 0;;) {
    pollfd one{file_, POLLOUT, 0};
    if (::poll(&one, 1, kRoomMs) > 0) return true;
    if (stopping_.load() && ++tries >= kRoomTries) {
      errno = EAGAIN;
      return false;
    }
  }
}

void AccessWriter::Lose(std::string_view bytes) {
  lost_.fetch_add(static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '\n')),
                  std::memory_order_relaxed);
}

void AccessWriter::Collect(MetricSink& sink) const {
  uint64_t lines = 0, dropped = 0;
  for (const auto& queue : queues_) {
    lines += queue->lines();
    dropped += queue->dropped();
  }
  const uint64_t lost = lost_.load(std::memory_order_relaxed);
  sink.Count("meridian_access_log_lines_total", "Access log lines handed to the writer", {}, lines);
  constexpr const char* kName = "meridian_access_log_dropped_total";
  constexpr const char* kHelp =
      "Access log lines dropped: the writer was too far behind, or the file took no more";
  sink.Count(kName, kHelp, {{"reason", "queue-full"}}, dropped);
  sink.Count(kName, kHelp, {{"reason", "write-failed"}}, lost);
}

}  // namespace meridian::app
