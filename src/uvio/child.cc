// See child.h.
#include "uvio/child.h"

#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>
#include <vector>

#include "uvio/system_error.h"

namespace meridian::uvio {
namespace {

constexpr Duration kOutputGrace = std::chrono::milliseconds(200);

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// A program gets its three descriptors and none of ours, whoever opened them.
void KeepDescriptorsFromPrograms() {
  (void)::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
}

}  // namespace

struct Child::Handles final : net::TimerHandler {
  // An output of the program.
  struct Output {
    uv_pipe_t pipe{};
    std::string text;
    bool is_open = false;
  };

  explicit Handles(Core& c) : core(c) {}

  template <class Handle>
  static uv_handle_t* Base(Handle& handle) {
    return reinterpret_cast<uv_handle_t*>(&handle);
  }

  int Spawn(const net::ProgramOptions& options);
  void Feed(const std::string& bytes);
  void Read(Output& output);
  void EndOutput(Output& output);
  void OnExit(int64_t exit_status, int term_signal);
  void Tell();
  void Close(uv_handle_t* handle);
  void CloseAll();
  void OnTimer(net::Timer&) override { Tell(); }

  Core& core;
  net::ProgramHandler* handler = nullptr;  // null: told, or nobody listens
  uv_process_t process{};
  uv_pipe_t input{};
  uv_write_t write{};
  std::string fed;
  std::array<Output, 2> outputs;
  size_t kept_bytes = 0;
  int open = 0;  // handles that libuv has not let go of
  bool has_ended = false;
  net::ProgramEnd end;
  net::Timer grace{*this};
};

int Child::Handles::Spawn(const net::ProgramOptions& options) {
  kept_bytes = options.kept_bytes;
  uv_pipe_init(core.loop(), &input, 0);
  input.data = this;
  for (Output& output : outputs) {
    uv_pipe_init(core.loop(), &output.pipe, 0);
    output.pipe.data = this;
  }
  open = 4;
  std::vector<char*> arguments = Pointers(options.arguments);
  std::vector<char*> environment = Pointers(options.environment);
  std::array<uv_stdio_container_t, 3> stdio{};
  const auto pipe = [](uv_pipe_t& handle, int direction) {
    uv_stdio_container_t container{};
    container.flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | direction);
    container.data.stream = reinterpret_cast<uv_stream_t*>(&handle);
    return container;
  };
  stdio[0] = pipe(input, UV_READABLE_PIPE);
  stdio[1] = pipe(outputs[0].pipe, UV_WRITABLE_PIPE);
  stdio[2] = pipe(outputs[1].pipe, UV_WRITABLE_PIPE);
  uv_process_options_t spawn{};
  spawn.file = arguments[0];
  spawn.args = arguments.data();
  spawn.env = environment.data();
  spawn.cwd = "/";
  spawn.flags = UV_PROCESS_DETACHED;
  spawn.stdio_count = static_cast<int>(stdio.size());
  spawn.stdio = stdio.data();
  spawn.exit_cb = [](uv_process_t* handle, int64_t status, int signal) {
    static_cast<Handles*>(handle->data)->OnExit(status, signal);
  };
  process.data = this;
  KeepDescriptorsFromPrograms();
  if (const int status = uv_spawn(core.loop(), &process, &spawn); status < 0) return status;
  for (Output& output : outputs) Read(output);
  Feed(options.input);
  return 0;
}

// One that does not read it is not to blame.
void Child::Handles::Feed(const std::string& bytes) {
  fed = bytes;
  if (fed.empty()) return Close(Base(input));
  uv_buf_t buffer = uv_buf_init(fed.data(), static_cast<unsigned>(fed.size()));
  const auto done = [](uv_write_t* request, int) {
    auto& handles = *static_cast<Handles*>(request->handle->data);
    handles.Close(Base(handles.input));
  };
  if (uv_write(&write, reinterpret_cast<uv_stream_t*>(&input), &buffer, 1, done) < 0) {
    Close(Base(input));
  }
}

void Child::Handles::Read(Output& output) {
  output.is_open = true;
  const auto allocate = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    Core& shared = static_cast<Handles*>(handle->data)->core;
    *buffer = uv_buf_init(shared.read_buffer(), Core::kReadBytes);
  };
  const auto read = [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
    auto& handles = *static_cast<Handles*>(stream->data);
    const bool is_first = stream == reinterpret_cast<uv_stream_t*>(&handles.outputs[0].pipe);
    Output& from = handles.outputs[is_first ? 0 : 1];
    if (count < 0) return handles.EndOutput(from);
    from.text.append(buffer->base, static_cast<size_t>(count));
    const size_t kept = handles.kept_bytes;
    if (from.text.size() > kept) from.text.erase(0, from.text.size() - kept);
  };
  auto* stream = reinterpret_cast<uv_stream_t*>(&output.pipe);
  if (uv_read_start(stream, allocate, read) < 0) EndOutput(output);
}

void Child::Handles::EndOutput(Output& output) {
  output.is_open = false;
  Close(Base(output.pipe));
  if (has_ended && !outputs[0].is_open && !outputs[1].is_open) Tell();
}

void Child::Handles::OnExit(int64_t exit_status, int term_signal) {
  has_ended = true;
  end.status = static_cast<int>(exit_status);
  end.signal = term_signal;
  Close(Base(process));
  if (!outputs[0].is_open && !outputs[1].is_open) return Tell();
  core.Arm(grace, kOutputGrace);
}

void Child::Handles::Tell() {
  grace.Disarm();
  net::ProgramHandler* const told = std::exchange(handler, nullptr);
  if (told == nullptr) return;
  end.output = std::move(outputs[0].text);
  end.errors = std::move(outputs[1].text);
  const net::ProgramEnd copy = std::move(end);
  told->OnEnd(copy);  // may destroy the Child, and with it what this is
}

void Child::Handles::Close(uv_handle_t* handle) {
  if (uv_is_closing(handle)) return;
  uv_close(handle, [](uv_handle_t* closed) {
    auto* const handles = static_cast<Handles*>(closed->data);
    if (--handles->open == 0) delete handles;
  });
}

void Child::Handles::CloseAll() {
  handler = nullptr;
  grace.Disarm();
  Close(Base(process));
  Close(Base(input));
  for (Output& output : outputs) Close(Base(output.pipe));
}

Result<std::unique_ptr<net::Program>> Child::Start(Core& core, const net::ProgramOptions& options,
                                                   net::ProgramHandler& handler) {
  auto* const handles = new Handles(core);  // owned by libuv's handles until all are closed
  if (const int status = handles->Spawn(options); status < 0) {
    handles->CloseAll();
    return FailBySystem("program", -status);
  }
  handles->handler = &handler;
  return std::unique_ptr<net::Program>(new Child(core, *handles));
}

Child::Child(Core& core, Handles& handles) : core_(core), handles_(&handles) {
  ++core_.held;
}

Child::~Child() {
  --core_.held;
  if (!handles_->has_ended) Signal(SIGKILL);
  handles_->CloseAll();
}

void Child::Signal(int signal) {
  const pid_t group = handles_->process.pid;
  if (group > 1) ::kill(-group, signal);
}

}  // namespace meridian::uvio
