// See core.h.
#include "uvio/core.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <utility>

#include "uvio/socket.h"
#include "uvio/system_error.h"

namespace meridian::uvio {
namespace {

constexpr size_t kMaxFreeSockets = 1024;
constexpr size_t kMaxSpareTransits = 1024;
constexpr size_t kMaxSpareBuffers = 64;
constexpr size_t kMaxSpareBytes = 256 * 1024;

// Not libuv's time, which counts in milliseconds: connect times and access logs want microseconds.
MonotonicTime ReadClock() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return MonotonicTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

Core& Of(void* data) {
  return *static_cast<Core*>(data);
}

}  // namespace

Result<> Core::Open() {
  // A write to a socket whose peer is gone is an error to handle, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  if (const int status = uv_loop_init(&loop_); status < 0) return FailBySystem("loop", -status);
  open_ = true;
  loop_.data = this;
  uv_timer_init(&loop_, &timer_);
  uv_prepare_init(&loop_, &prepare_);
  uv_check_init(&loop_, &check_);
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { Of(handle->loop->data).BeforePoll(); });
  uv_check_start(&check_, [](uv_check_t* handle) { Of(handle->loop->data).AfterPoll(); });
  const int status = uv_async_init(
      &loop_, &async_, [](uv_async_t* handle) { Of(handle->loop->data).mailbox_.RunAll(); });
  if (status < 0) return FailBySystem("loop", -status);
  read_buffer_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
  wheel_ = std::make_unique<net::TimerWheel>(ReadClock());
  return error_watch_.Open(&loop_);
}

Core::~Core() {
  if (!open_) return;
  mailbox_.Drop();
  MERIDIAN_CHECK(held == 0);
  const auto close = [](uv_handle_t* handle, void*) {
    if (uv_is_closing(handle)) return;
    if (handle->type == UV_TCP || handle->type == UV_NAMED_PIPE) {
      static_cast<Socket*>(handle->data)->Close();
    } else {
      uv_close(handle, nullptr);
    }
  };
  uv_walk(&loop_, close, nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);
  MERIDIAN_CHECK(uv_loop_close(&loop_) == 0);
}

void Core::Run(uv_run_mode mode) {
  MERIDIAN_CHECK(!running_);
  running_ = true;
  uv_run(&loop_, mode);
  running_ = false;
  now_known_ = false;
}

void Core::Stop() {
  Post([this] { uv_stop(&loop_); });
}

void Core::Post(std::function<void()> task) {
  mailbox_.Put(std::move(task));
  uv_async_send(&async_);
}

Result<> Core::WatchSignal(int signal, std::function<void()> handler) {
  auto watch = std::make_unique<SignalWatch>();
  watch->handler = std::move(handler);
  int status = uv_signal_init(&loop_, &watch->handle);
  if (status < 0) return FailBySystem("signal", -status);
  SignalWatch& kept = *signals_.emplace_back(std::move(watch));
  kept.handle.data = &kept;
  status = uv_signal_start(
      &kept.handle,
      [](uv_signal_t* handle, int) { static_cast<SignalWatch*>(handle->data)->handler(); }, signal);
  if (status < 0) return FailBySystem("signal", -status);
  return {};
}

// Between turns time does not stand still: the cache is for inside of one.
MonotonicTime Core::Now() {
  if (now_known_) return now_;
  now_ = ReadClock();
  now_known_ = running_;
  return now_;
}

void Core::Arm(net::Timer& timer, Duration delay) {
  wheel_->Arm(timer, Now(), delay);
}

void Core::AtTurnEnd(net::TurnTask& task) {
  if (!task.linked()) turn_tasks_.PushBack(task);
}

// Those that a task asks for meanwhile wait for the next turn; whoever leaves does not run.
void Core::RunTurnTasks() {
  List<net::TurnTask> running;
  while (!turn_tasks_.empty()) {
    net::TurnTask& task = turn_tasks_.front();
    task.Unlink();
    running.PushBack(task);
  }
  while (!running.empty()) {
    net::TurnTask& task = running.front();
    task.Unlink();
    task.OnTurnEnd();
  }
}

void Core::BeforePoll() {
  if (!turn_tasks_.empty()) RunTurnTasks();
  while (!unwatched_.empty()) {
    Socket& socket = unwatched_.front();
    socket.Unlink();
    socket.WatchErrors();
  }
  now_known_ = false;
  const auto nothing = [](uv_timer_t*) {};
  if (!failed_.empty() || !turn_tasks_.empty()) {
    timer_due_ = MonotonicTime();
    uv_timer_start(&timer_, nothing, 0, 0);
    return;
  }
  const MonotonicTime next = wheel_->NextExpiry();
  const bool active = uv_is_active(reinterpret_cast<uv_handle_t*>(&timer_)) != 0;
  if (next == MonotonicTime::max()) {
    if (active) uv_timer_stop(&timer_);
    return;
  }
  if (active && next == timer_due_) return;
  timer_due_ = next;
  const Duration wait = std::max(next - ReadClock(), Duration(0));
  uv_timer_start(&timer_, nothing, std::chrono::ceil<std::chrono::milliseconds>(wait).count(), 0);
}

void Core::AfterPoll() {
  counters_.turns.Add();
  // Those that a handler adds meanwhile wait for the next poll; telling unlinks each.
  size_t count = 0;
  failed_.ForEach([&count](Socket&) { ++count; });
  for (; count > 0 && !failed_.empty(); --count) failed_.front().TellFailure();
  wheel_->Advance(Now());
}

Socket& Core::TakeSocket() {
  if (free_.empty()) return *new Socket(*this);  // owned by libuv's handle until Recycle
  Socket* socket = free_.back().release();
  free_.pop_back();
  return *socket;
}

void Core::Recycle(Socket& socket) {
  std::unique_ptr<Socket> owned(&socket);
  if (free_.size() < kMaxFreeSockets) free_.push_back(std::move(owned));
}

void Core::TellLater(Socket& socket) {
  socket.Unlink();
  failed_.PushBack(socket);
}

void Core::WatchLater(Socket& socket) {
  if (!socket.linked()) unwatched_.PushBack(socket);
}

std::unique_ptr<Transit> Core::TakeTransit() {
  if (spare_transits_.empty()) return std::make_unique<Transit>();
  std::unique_ptr<Transit> transit = std::move(spare_transits_.back());
  spare_transits_.pop_back();
  return transit;
}

void Core::GiveTransit(std::unique_ptr<Transit> transit) {
  if (spare_transits_.size() < kMaxSpareTransits) spare_transits_.push_back(std::move(transit));
}

std::string Core::TakeBuffer() {
  if (spare_buffers_.empty()) return {};
  std::string buffer = std::move(spare_buffers_.back());
  spare_buffers_.pop_back();
  return buffer;
}

void Core::GiveBuffer(std::string buffer) {
  const bool worth = buffer.capacity() > std::string().capacity();
  if (!worth || buffer.capacity() > kMaxSpareBytes) return;
  if (spare_buffers_.size() < kMaxSpareBuffers) spare_buffers_.push_back(std::move(buffer));
}

std::unique_ptr<Pipe> Core::TakePipe() {
  if (!spare_pipes_.empty()) {
    std::unique_ptr<Pipe> pipe = std::move(spare_pipes_.back());
    spare_pipes_.pop_back();
    return pipe;
  }
  if (pipes_ >= most_pipes_) return nullptr;
  std::unique_ptr<Pipe> pipe = Pipe::Open();
  pipe ? ++pipes_ : most_pipes_ = pipes_;
  return pipe;
}

void Core::GivePipe(std::unique_ptr<Pipe> pipe) {
  if (pipe->held() == 0) return spare_pipes_.push_back(std::move(pipe));
  --pipes_;
}

}  // namespace meridian::uvio
