// Which UDP sockets have something to be read: an epoll set of its own, itself watched by libuv.
// A session with a backend lives as long as one question and its answer; libuv's own handle for it
// would cost four system calls more. And the memory that datagrams are received into, which all
// sockets of a loop share: what is received is told before the next is.
#pragma once

#include <meridian/base/result.h>
#include <meridian/net/datagram.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <memory>
#include <string_view>

namespace meridian::uvio {

// What one recvmmsg brings. 64 KiB for each datagram, so that none is ever cut; of what no datagram
// has filled the kernel gives no page.
class Inbox {
 public:
  static constexpr unsigned kBatch = 64;

  Inbox();
  // How many came, at most `most` ≤ kBatch; or, below zero, minus errno. With `named`, each has its
  // flow, and its local address where the socket asks for that (PKTINFO).
  int Receive(int fd, unsigned most, bool named);
  std::string_view bytes(unsigned i) const;
  net::Flow flow(unsigned i) const;

 private:
  // Not a multiple of a page, so that the slots don't all meet in the same lines of the cache.
  static constexpr size_t kStride = 65536 + 33 * 64;
  static constexpr size_t kControlBytes = 64;  // one IP_PKTINFO or IPV6_PKTINFO

  std::unique_ptr<char[]> memory_;
  std::array<iovec, kBatch> slots_;
  std::array<mmsghdr, kBatch> named_{}, plain_{};
  std::array<sockaddr_storage, kBatch> peers_;
  alignas(cmsghdr) std::array<std::array<char, kControlBytes>, kBatch> controls_;
  const mmsghdr* received_ = nullptr;  // named_ or plain_
};

class DatagramWatch {
 public:
  class Watched {
   public:
    // Something can be read, or there is an error. May destroy itself and others.
    virtual void OnReady() = 0;

   protected:
    ~Watched() = default;
  };

  DatagramWatch() = default;
  DatagramWatch(const DatagramWatch&) = delete;
  DatagramWatch& operator=(const DatagramWatch&) = delete;
  // The loop has closed all handles by then.
  ~DatagramWatch();

  // Before anything else; a loop without datagrams does without. Does nothing the second time.
  Result<> Open(uv_loop_t* loop);
  Result<> Add(int fd, Watched& watched);
  // Its descriptor stays: the caller closes it, or only rests.
  void Remove(int fd, Watched& watched);
  // Before its descriptor is closed, which ends the watch by itself.
  void Forget(const Watched& watched);
  Inbox& inbox() { return *inbox_; }

 private:
  static constexpr int kEvents = 128;
  void Handle();

  int epoll_ = -1;
  uv_poll_t poll_{};
  std::unique_ptr<Inbox> inbox_;
  std::array<epoll_event, kEvents> events_;
  int next_ = 0, count_ = 0;  // of events_, while they are told
};

}  // namespace meridian::uvio
