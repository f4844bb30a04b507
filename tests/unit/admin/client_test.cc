// The blocking client against a real socket, served by a thread with one prepared answer.
#include <meridian/admin/client.h>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

namespace meridian::admin {
namespace {

// Listens on a socket in a folder of its own; answers one connection, if asked to.
class Peer {
 public:
  Peer() {
    char pattern[] = "/tmp/meridian-client-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    path = folder_ + "/admin.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
  }
  ~Peer() {
    if (thread_.joinable()) thread_.join();
    StopListening();
    std::filesystem::remove_all(folder_);
  }
  void AnswerWith(std::string answer) {
    thread_ = std::thread([this, answer = std::move(answer)] {
      const int socket = ::accept(listener_, nullptr, nullptr);
      char bytes[4096];
      while (request.find("\r\n\r\n") == std::string::npos || !request.ends_with(last)) {
        const ssize_t got = ::recv(socket, bytes, sizeof bytes, 0);
        if (got <= 0) break;
        request.append(bytes, static_cast<size_t>(got));
      }
      for (std::string_view rest = answer; !rest.empty();) {
        const ssize_t sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        rest.remove_prefix(static_cast<size_t>(sent));
      }
      ::close(socket);
    });
  }
  void StopListening() {
    if (listener_ >= 0) ::close(std::exchange(listener_, -1));
  }
  void Join() { thread_.join(); }

  std::string path, request, last = "\r\n\r\n";

 private:
  std::string folder_;
  int listener_ = -1;
  std::thread thread_;
};

TEST(Call, SendsARequestAndReadsItsAnswer) {
  Peer peer;
  peer.last = "{}";
  peer.AnswerWith("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
  const auto answer = Call(peer.path, "POST", "/v1/reload?force=true", "{}");
  peer.Join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "ok\n");
  EXPECT_TRUE(peer.request.starts_with("POST /v1/reload?force=true HTTP/1.1\r\n")) << peer.request;
  EXPECT_NE(peer.request.find("Content-Length: 2\r\n"), std::string::npos);
}

TEST(Call, ReadsLargeChunkedAndUnframedBodies) {
  const std::string megabytes(3'000'000, 'x');
  for (const std::string& answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + megabytes,
        "HTTP/1.1 200 OK\r\n\r\n" + megabytes,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2dc6c0\r\n" + megabytes +
            "\r\n0\r\n\r\n"}) {
    Peer peer;
    peer.AnswerWith(answer);
    const auto got = Call(peer.path, "GET", "/metrics");
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, megabytes);
  }
}

TEST(Call, EmptyBodyIsAnAnswer) {
  Peer peer;
  peer.AnswerWith("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  const auto got = Call(peer.path, "GET", "/x");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 404);
}

TEST(Call, NobodyListeningIsToldApart) {
  EXPECT_EQ(Call("/nonexistent/admin.sock", "GET", "/").error().code, ErrorCode::kNotFound);
  Peer peer;
  peer.StopListening();
  EXPECT_EQ(Call(peer.path, "GET", "/").error().code, ErrorCode::kRefused);
  EXPECT_EQ(Call(std::string(200, 'x'), "GET", "/").error().code, ErrorCode::kInvalid);
}

TEST(Call, SilentPeerIsATimeout) {
  Peer peer;
  EXPECT_EQ(Call(peer.path, "GET", "/", {}, std::chrono::milliseconds(20)).error().code,
            ErrorCode::kTimeout);
}

TEST(Call, WhatIsCutShortOrNotHttpIsMalformed) {
  for (const char* answer :
       {"", "HTTP/1.1 200", "SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"}) {
    Peer peer;
    peer.AnswerWith(answer);
    const auto got = Call(peer.path, "GET", "/");
    ASSERT_FALSE(got) << answer;
    EXPECT_EQ(got.error().code, ErrorCode::kMalformed) << answer;
  }
}

}  // namespace
}  // namespace meridian::admin
