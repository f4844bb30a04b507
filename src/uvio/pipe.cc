// See pipe.h.
#include "uvio/pipe.h"

#include <meridian/base/check.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace meridian::uvio {
namespace {

constexpr unsigned kWithoutWaiting = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

}  // namespace

std::unique_ptr<Pipe> Pipe::Open() {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  std::unique_ptr<Pipe> pipe(new Pipe(ends[0], ends[1]));
  const bool large = fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kBytes)) >= 0;
  return large ? std::move(pipe) : nullptr;
}

Pipe::~Pipe() {
  close(out_);
  close(in_);
}

ssize_t Pipe::Fill(int socket) {
  const ssize_t count = splice(socket, nullptr, in_, nullptr, kBytes - held_, kWithoutWaiting);
  if (count < 0) return -errno;
  held_ += static_cast<size_t>(count);
  return count;
}

ssize_t Pipe::Drain(int socket) {
  const ssize_t count = splice(out_, nullptr, socket, nullptr, held_, kWithoutWaiting);
  if (count < 0) return -errno;
  held_ -= static_cast<size_t>(count);
  return count;
}

void Pipe::Read(size_t most, std::string& to) {
  to.resize(std::min(most, held_));
  const ssize_t count = read(out_, to.data(), to.size());
  MERIDIAN_CHECK(count ==
                 static_cast<ssize_t>(to.size()));  // they are in it, and nobody else reads
  held_ -= to.size();
}

}  // namespace meridian::uvio
