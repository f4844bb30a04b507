// A stream's life and its two directions. How it shakes hands is in tls_handshake.cc.
#include "tls/tls_stream.h"

#include <meridian/base/check.h>

#include <algorithm>
#include <array>
#include <utility>

namespace meridian::tls {
namespace {

constexpr size_t kRecordBytes = 16 * 1024;  // RFC 8446 section 5.1
constexpr size_t kPlainBytes = 64 * 1024;   // the most that one OnRead tells
constexpr size_t kFlushBytes = 64 * 1024;   // records collected before they go below
constexpr size_t kKeptBytes = 128 * 1024;   // of the workspace's buffer between writes

void GiveBack(std::string& buffer) {
  if (buffer.capacity() > std::string().capacity()) buffer = std::string();
}

}  // namespace

Workspace::Workspace(net::Loop& loop)
    : loop_(loop), timer_(*this), plain_(new char[kPlainBytes]), gather_(new char[kRecordBytes]) {}

Workspace::~Workspace() = default;

void Workspace::Later(TlsStream& stream) {
  if (stream.linked()) return;
  due_.PushBack(stream);
  if (!timer_.armed()) loop_.Arm(timer_, Duration(0));
}

// Those that put themselves off again wait for the turn after.
void Workspace::OnTimer(net::Timer&) {
  List<TlsStream> now;
  while (!due_.empty()) {
    TlsStream& stream = due_.front();
    stream.Unlink();
    now.PushBack(stream);
  }
  while (!now.empty()) {
    TlsStream& stream = now.front();
    stream.Unlink();
    stream.Resume();
  }
}

TlsStream::~TlsStream() {
  if (workspace_.telling_ == this) workspace_.telling_ = nullptr;
  if (!ssl_) return;
  if (state_ == State::kOpen && !failed_) SayClose();
  // Without this OpenSSL would take the session for a bad one, which is not to be resumed.
  SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void TlsStream::SetHandler(net::StreamHandler* handler) {
  if (state_ == State::kDead) return;
  handler_ = handler;
  Settle();
}

void TlsStream::StartReading() {
  if (reading_) return;
  reading_ = true;
  Settle();
}

void TlsStream::StopReading() {
  reading_ = false;
  Settle();
}

bool TlsStream::untold() const {
  if (!held_.empty() || SSL_pending(ssl_.get()) > 0) return true;
  const bool closed = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  return !end_told_ && (ended_ || closed);
}

// Reading below follows what is wanted above; what is here already is told on the next turn first.
void TlsStream::Settle() {
  if (state_ == State::kDead || telling_data_ || !inner_) return;
  if (state_ != State::kOpen && !failed_) return inner_->StartReading();
  if (failed_ || !wants()) return inner_->StopReading();
  if (untold()) {
    inner_->StopReading();
    return workspace_.Later(*this);
  }
  inner_->StartReading();
}

void TlsStream::Resume() {
  if (state_ == State::kDead) return;
  if (failed_) {
    Tell(failure_);
    return;
  }
  Process({});
}

void TlsStream::OnRead(std::string_view bytes) {
  Process(bytes);
}

// Takes `bytes` behind what was held back, as far as there is somebody to tell.
void TlsStream::Process(std::string_view bytes) {
  if (failed_) return;
  const bool held = !held_.empty();
  if (held) held_.append(bytes);
  input_ = held ? std::string_view(held_) : bytes;
  if (state_ == State::kHandshake && !Handshake()) return;
  if (state_ == State::kOpen && !Deliver()) return;
  if (held) {
    held_.erase(0, held_.size() - input_.size());
    if (held_.empty()) GiveBack(held_);
  } else if (!input_.empty()) {
    held_.assign(input_);
  }
  input_ = {};
  Settle();
}

// Decrypts until there is nothing more, or the workspace is full. `stopped_by`: as SSL_get_error
// says, SSL_ERROR_NONE when there may be more.
size_t TlsStream::ReadPlain(int* stopped_by) {
  size_t have = 0;
  *stopped_by = SSL_ERROR_NONE;
  while (have < kPlainBytes) {
    size_t got = 0;
    const int result =
        SSL_read_ex(ssl_.get(), workspace_.plain_.get() + have, kPlainBytes - have, &got);
    if (result != 1) {
      *stopped_by = SSL_get_error(ssl_.get(), result);
      break;
    }
    have += got;
    if (input_.empty() && !ended_ && SSL_pending(ssl_.get()) == 0) {
      *stopped_by = SSL_ERROR_WANT_READ;
      break;
    }
  }
  Flush();  // what OpenSSL answered by itself
  return have;
}

bool TlsStream::Deliver() {
  while (wants() && !failed_ && !end_told_) {
    int stopped_by = SSL_ERROR_NONE;
    const size_t bytes = ReadPlain(&stopped_by);
    std::optional<Error> error;
    if (stopped_by == SSL_ERROR_SSL || stopped_by == SSL_ERROR_SYSCALL) {
      error = ended_ ? ErrorNow(ErrorCode::kReset, "end without close_notify")
                     : ErrorNow(ErrorCode::kMalformed, "TLS record");
    }
    if (bytes > 0) {
      telling_data_ = true;
      const std::string_view plain(workspace_.plain_.get(), bytes);
      if (!Calling([plain](net::StreamHandler& handler) { handler.OnRead(plain); })) return false;
      telling_data_ = false;
      if (state_ == State::kDead) return false;
    }
    if (error) return Tell(*error);
    if (stopped_by == SSL_ERROR_ZERO_RETURN) return TellEnd();
    if (stopped_by != SSL_ERROR_NONE) break;
  }
  if (end_told_) input_ = {};  // nothing counts after close_notify
  return true;
}

bool TlsStream::TellEnd() {
  input_ = {};
  if (!wants()) return true;
  end_told_ = true;
  return Calling([](net::StreamHandler& handler) { handler.OnEnd(); }) && state_ != State::kDead;
}

// Without close_notify before it, somebody on the way may have cut the stream short (RFC 8446
// section 6.1).
void TlsStream::OnEnd() {
  ended_ = true;
  if (state_ == State::kHandshake) {
    Tell(ErrorNow(ErrorCode::kReset, "TLS handshake cut short"));
  } else {
    Process({});  // OpenSSL tells one end from the other
  }
}

void TlsStream::OnDrained() {
  if (state_ == State::kOpen && handler_ != nullptr) handler_->OnDrained();
}

void TlsStream::OnError(const Error& error) {
  Tell(error);
}

bool TlsStream::Tell(Error error) {
  if (beginning_) {
    FailLater(error);
    return false;
  }
  state_ = State::kDead;
  Unlink();
  input_ = {};
  inner_->StopReading();
  net::StreamHandler* handler = std::exchange(handler_, nullptr);
  if (handler != nullptr) handler->OnError(error);
  return false;
}

void TlsStream::FailLater(const Error& error) {
  input_ = {};
  if (failed_ || state_ == State::kDead) return;
  failed_ = true;
  failure_ = error;
  workspace_.Later(*this);
}

void TlsStream::Write(std::span<const std::string_view> slices) {
  if (state_ == State::kDead || failed_) return;
  MERIDIAN_CHECK(!finish_wanted_);
  if (state_ == State::kOpen) return SealAll(slices);
  for (const std::string_view slice : slices) unsent_.append(slice);
}

// Slices are packed into whole records; what fills one alone, or is the last, is not copied for it.
void TlsStream::SealAll(std::span<const std::string_view> slices) {
  size_t left = 0;
  for (const std::string_view slice : slices) left += slice.size();
  size_t gathered = 0;
  char* const gather = workspace_.gather_.get();
  for (std::string_view slice : slices) {
    while (!slice.empty()) {
      const std::string_view piece = slice.substr(0, kRecordBytes - gathered);
      slice.remove_prefix(piece.size());
      left -= piece.size();
      if (gathered == 0 && (piece.size() == kRecordBytes || left == 0)) {
        if (!Seal(piece, left == 0)) return;
        continue;
      }
      std::copy(piece.begin(), piece.end(), gather + gathered);
      gathered += piece.size();
      if (gathered < kRecordBytes && left > 0) continue;
      if (!Seal({gather, std::exchange(gathered, 0)}, left == 0)) return;
    }
  }
}

bool TlsStream::Seal(std::string_view piece, bool last) {
  size_t taken = 0;
  direct_ = last;
  const int result = SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &taken);
  direct_ = false;
  if (result == 1) return true;
  Flush();
  FailLater(ErrorNow(ErrorCode::kMalformed, "TLS write"));
  return false;
}

void TlsStream::Send(std::string_view record) {
  std::string& sealed = workspace_.sealed_;
  if (finished_) return;
  if (!direct_) {
    sealed.append(record);
    if (sealed.size() >= kFlushBytes) Flush();
    return;
  }
  const std::array<std::string_view, 2> slices{sealed, record};
  inner_->Write(sealed.empty() ? std::span(slices).subspan(1) : std::span(slices));
  sealed.clear();
}

void TlsStream::Flush() {
  std::string& sealed = workspace_.sealed_;
  if (sealed.empty()) return;
  inner_->Write(sealed);
  sealed.clear();
  if (sealed.capacity() > kKeptBytes) sealed.shrink_to_fit();
}

size_t TlsStream::pending_bytes() const {
  if (state_ == State::kDead || failed_ || !inner_) return 0;
  return state_ == State::kOpen ? inner_->pending_bytes() : unsent_.size();
}

void TlsStream::FinishWriting() {
  if (finish_wanted_ || failed_ || state_ == State::kDead) return;
  finish_wanted_ = true;
  if (state_ == State::kOpen) Finish();
}

void TlsStream::Finish() {
  SayClose();
  finished_ = true;
  inner_->FinishWriting();
}

void TlsStream::SayClose() {
  if (std::exchange(closed_, true)) return;
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  Flush();
}

void TlsStream::Reset() {
  if (inner_) inner_->Reset();
  state_ = State::kDead;
  handler_ = nullptr;
  Unlink();
}

}  // namespace meridian::tls
