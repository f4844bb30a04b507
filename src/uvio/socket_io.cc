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
// So many full reads in a row are bulk, until a move brings less than is worth one.
constexpr uint8_t kBulk = 2;
constexpr size_t kWorthMoving = 32 * 1024;
// Of what waits in a pipe, written by libuv for its sake.
constexpr size_t kAheadBytes = 4096;

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
  moving_ = wanted && full_reads_ == kBulk && CanMove();
  *buffer = wanted && !moving_ ? uv_buf_init(core_.read_buffer(), Core::kReadBytes)
                               : uv_buf_init(nullptr, 0);
}

void Socket::OnReadable(ssize_t count, const uv_buf_t* buffer) {
  if (count == 0) return;
  if (count > 0 && state_ == State::kLeaving) {
    transit().drained_bytes += static_cast<size_t>(count);
    if (transit().drained_bytes > kMaxDrainedBytes) AbortWithReset();
    return;
  }
  if (count > 0) {
    const bool full = static_cast<size_t>(count) == Core::kReadBytes;
    full_reads_ = !full ? 0 : full_reads_ == kBulk ? kBulk : full_reads_ + 1;
    return handler_->OnRead({buffer->base, static_cast<size_t>(count)});
  }
  if (moving_) return Move();
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
  StartSending();
}

void Socket::StartSending() {
  Transit& out = transit();
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
  if (transit().pipe && !SendPipe()) return;
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
         (transit_->pipe ? transit_->pipe->held() : 0) + transit_->waiting.size();
}

bool Socket::TakesMoves() const {
  return state_ == State::kOpen && !failed_ && !writing_ && !finish_wanted_;
}

bool Socket::CanMove() const {
  if (state_ != State::kOpen || failed_ || !core_.has_pipe()) return false;
  const Socket* to = Of(handler_->MovesTo());
  return to != nullptr && to->TakesMoves();
}

// The end is left to be read as any other; a failure would not be told again.
void Socket::Move() {
  moving_ = false;
  std::unique_ptr<Pipe> pipe = core_.TakePipe();
  const ssize_t count = pipe ? pipe->Fill(fd()) : -EAGAIN;
  if (count < static_cast<ssize_t>(kWorthMoving)) full_reads_ = 0;
  if (count <= 0) {
    if (pipe) core_.GivePipe(std::move(pipe));
    if (count == 0 || count == -EAGAIN) return;
    return Tell(StreamError(static_cast<int>(-count), "read"));
  }
  core_.counters().moved_bytes.Add(static_cast<uint64_t>(count));
  Of(handler_->MovesTo())->Take(std::move(pipe));
  handler_->OnMoved(static_cast<size_t>(count));
}

// Precondition: TakesMoves.
void Socket::Take(std::unique_ptr<Pipe> pipe) {
  const ssize_t count = pipe->Drain(fd());
  if (pipe->held() == 0) return core_.GivePipe(std::move(pipe));
  transit().pipe = std::move(pipe);
  if (count < 0 && count != -EAGAIN) return Fail(StreamError(static_cast<int>(-count), "write"));
  transit().pipe->Read(kAheadBytes, transit().sending);
  StartSending();
}

// True: all of it is with the kernel.
bool Socket::SendPipe() {
  std::unique_ptr<Pipe>& pipe = transit().pipe;
  const ssize_t count = pipe->held() > 0 ? pipe->Drain(fd()) : 0;
  if (pipe->held() == 0) {
    core_.GivePipe(std::move(pipe));
    return true;
  }
  if (count < 0 && count != -EAGAIN) {
    state_ == State::kLeaving ? Close() : Fail(StreamError(static_cast<int>(-count), "write"));
  } else {
    pipe->Read(kAheadBytes, transit().sending);
    StartSending();
  }
  return false;
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
