// A socket's two directions: reading into the loop's buffer, writing at once or from its own, and
// how failures are told.
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>

#include "uvio/socket.h"
#include "uvio/system_error.h"

namespace meridian::uvio {
namespace {

constexpr size_t kMaxSlices = 64;
// A peer that keeps sending to a stream that has left is heard up to here, then reset.
constexpr size_t kMaxDrainedBytes = 1024 * 1024;

}  // namespace

void Socket::SetHandler(net::StreamHandler* handler) {
  if (state_ == State::kDead || state_ == State::kClosing) return;
  handler_ = handler;
  if (reading_) WantRead();
}

void Socket::StartReading() {
  if (reading_) return;
  reading_ = true;
  if (state_ == State::kOpen) WantRead();
}

void Socket::WantRead() {
  if (polling_ || ended_ || failed_ || (state_ != State::kOpen && state_ != State::kLeaving))
    return;
  Unlink();  // no need of the error watch
  polling_ = true;
  const int status = uv_read_start(
      stream(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        static_cast<Socket*>(handle->data)->OnAllocate(buffer);
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
        static_cast<Socket*>(stream->data)->OnReadable(count, buffer);
      });
  if (status < 0) Fail(StreamError(-status, "read"));
}

void Socket::OnAllocate(uv_buf_t* buffer) {
  const bool wanted = state_ == State::kLeaving ? finished_ : reading_ && handler_ != nullptr;
  *buffer = wanted ? uv_buf_init(core_.read_buffer(), Core::kReadBytes) : uv_buf_init(nullptr, 0);
}

void Socket::OnReadable(ssize_t count, const uv_buf_t* buffer) {
  if (count == 0) return;
  if (count > 0 && state_ == State::kLeaving) {
    transit().drained_bytes += static_cast<size_t>(count);
    if (transit().drained_bytes > kMaxDrainedBytes) AbortWithReset();
    return;
  }
  if (count > 0) return handler_->OnRead({buffer->base, static_cast<size_t>(count)});
  polling_ = false;
  if (count == UV_ENOBUFS) {
    uv_read_stop(stream());
    if (state_ == State::kOpen && !failed_) core_.WatchLater(*this);
    return;
  }
  if (state_ == State::kLeaving) return Close();
  if (count != UV_EOF) return Tell(StreamError(static_cast<int>(-count), "read"));
  if (const int number = PendingError(); number != 0 && number != EPIPE) {
    return Tell(StreamError(number, "read"));
  }
  ended_ = true;
  if (!failed_) core_.WatchLater(*this);
  if (handler_ != nullptr) handler_->OnEnd();
}

// libuv takes a hang-up after a short read for the end without reading again, although it may be a
// reset: then a truncated message would pass for a whole one. EPIPE is a reset that came after the
// end, so that the end is true.
int Socket::PendingError() const {
  int number = 0;
  socklen_t length = sizeof number;
  return getsockopt(fd(), SOL_SOCKET, SO_ERROR, &number, &length) == 0 ? number : 0;
}

void Socket::Write(std::span<const std::string_view> slices) {
  MERIDIAN_CHECK(slices.size() <= kMaxSlices);
  if ((state_ != State::kOpen && state_ != State::kConnecting) || failed_) return;
  MERIDIAN_CHECK(!finish_wanted_);
  std::array<uv_buf_t, kMaxSlices> buffers;
  unsigned count = 0;
  size_t total = 0;
  for (const std::string_view slice : slices) {
    if (slice.empty()) continue;
    buffers[count++] = uv_buf_init(const_cast<char*>(slice.data()), slice.size());
    total += slice.size();
  }
  if (count == 0) return;
  size_t taken = 0;
  if (state_ == State::kOpen && !writing_) {
    const int status = uv_try_write(stream(), buffers.data(), count);
    if (status < 0 && status != UV_EAGAIN) return Fail(StreamError(-status, "write"));
    if (status > 0) taken = static_cast<size_t>(status);
  }
  if (taken < total) Queue(slices, taken);
}

void Socket::Queue(std::span<const std::string_view> slices, size_t skip) {
  std::string& waiting = transit().waiting;
  if (waiting.capacity() <= std::string().capacity()) waiting = core_.TakeBuffer();
  const size_t before = waiting.size();
  for (const std::string_view slice : slices) {
    const size_t skipped = std::min(skip, slice.size());
    skip -= skipped;
    waiting.append(slice.substr(skipped));
  }
  core_.counters().copied_bytes.Add(waiting.size() - before);
  if (!writing_) SendWaiting();
}

void Socket::SendWaiting() {
  Transit& out = transit();
  out.sending.swap(out.waiting);
  const uv_buf_t buffer = uv_buf_init(out.sending.data(), out.sending.size());
  out.write.data = this;
  writing_ = true;
  const int status = uv_write(&out.write, stream(), &buffer, 1, [](uv_write_t* request, int s) {
    static_cast<Socket*>(request->data)->OnWritten(s);
  });
  if (status == 0) return;
  writing_ = false;
  Fail(StreamError(-status, "write"));
}

void Socket::OnWritten(int status) {
  writing_ = false;
  transit().sending.clear();
  if (state_ == State::kClosing || state_ == State::kDead || failed_) return;
  if (status < 0) {
    if (state_ == State::kLeaving) return Close();
    return Fail(StreamError(-status, "write"));
  }
  if (!transit().waiting.empty()) return SendWaiting();
  DropTransit();
  if (state_ == State::kLeaving) return LeaveQuietly();
  if (finish_wanted_) SendFin();
  if (handler_ != nullptr) handler_->OnDrained();
}

size_t Socket::pending_bytes() const {
  if (failed_ || state_ == State::kDead || state_ == State::kClosing) return 0;
  if (!transit_) return 0;
  return (writing_ ? uv_stream_get_write_queue_size(&handle_.stream) : 0) +
         transit_->waiting.size();
}

void Socket::FinishWriting() {
  if (finish_wanted_ || failed_ || (state_ != State::kOpen && state_ != State::kConnecting)) return;
  finish_wanted_ = true;
  if (state_ == State::kOpen && pending_bytes() == 0) SendFin();
}

// Not by uv_shutdown, which first waits for the socket to be writable: three system calls for one.
// A failure means that the connection is gone, which reading or the error watch tells.
void Socket::SendFin() {
  if (finished_) return;
  finished_ = true;
  ::shutdown(fd(), SHUT_WR);
}

Error Socket::StreamError(int number, const char* context) const {
  return {CodeOf(number), accepted_ ? Side::kClient : Side::kBackend, Retry::kNever, number,
          context};
}

void Socket::Fail(const Error& error) {
  if (failed_ || (state_ != State::kOpen && state_ != State::kConnecting)) return;
  failed_ = true;
  transit().error = error;
  transit().waiting.clear();
  core_.TellLater(*this);
}

void Socket::TellFailure() {
  Tell(transit().error);
}

void Socket::Tell(const Error& error) {
  Unlink();
  state_ = State::kDead;
  if (polling_) uv_read_stop(stream());
  polling_ = false;
  if (handler_ != nullptr) std::exchange(handler_, nullptr)->OnError(error);
}

void Socket::WatchErrors() {
  if (state_ == State::kOpen && !polling_ && !watched_) {
    watched_ = core_.error_watch().Add(fd(), *this);
  }
}

// A reset arrived while nobody read. What came before it is told first, when reading starts.
void Socket::ErrorSeen() {
  if (state_ != State::kOpen || polling_ || writing_ || failed_) return;
  int unread = 0;
  if (!ended_ && ioctl(fd(), FIONREAD, &unread) == 0 && unread > 0) return;
  if (const int number = PendingError(); number != 0) Tell(StreamError(number, "connection"));
}

}  // namespace meridian::uvio
