// The one implementation of tls::Stream, for both sides.
//
//   kConnecting ── inner stream stands ──► kHandshake ── done ──► kOpen ──► kDead
//        └──────────────────────────────────────┴── failed ─────────────────┘
//
// kConnecting is the client's alone. OpenSSL sees a BIO that takes its input from `input_` (the
// bytes of the read that is being told, or those held back from an earlier one) and gives its
// output to the workspace's `sealed_`, which goes below in one write before anybody else is called.
// Invariant: outside of a call from below, `input_` is empty, and `held_` is not empty only while
// nobody reads.
#pragma once

#include <meridian/tls/stream.h>

#include <memory>
#include <string>
#include <utility>

#include "tls/openssl.h"

namespace meridian::tls {

class TlsStream final : public Stream, public ListNode, private net::StreamHandler {
 public:
  TlsStream(Workspace& workspace, std::shared_ptr<const ServerContext> context,
            net::StreamPtr inner);
  TlsStream(Workspace& workspace, const ConnectInput& input, net::StreamHandler& handler);
  ~TlsStream() override;

  // Server: bytes that were read before. Client: the stream that connects.
  void Begin(std::string_view early);
  Result<> Connect(net::Loop& loop, const ConnectInput& input);

  void SetHandler(net::StreamHandler* handler) override;
  void StartReading() override;
  void StopReading() override;
  void Write(std::span<const std::string_view> slices) override;
  size_t pending_bytes() const override;
  void FinishWriting() override;
  void Reset() override;
  net::Address peer() const override { return inner_->peer(); }
  net::Address local() const override { return inner_->local(); }
  net::PathInfo path_info() const override { return inner_->path_info(); }

  Version version() const override;
  bool resumed() const override;
  std::string_view alpn() const override;
  std::string_view server_name() const override;
  std::string_view peer_subject() const override;
  WallTime peer_expires() const override;

  // For the workspace: what was put off is told now.
  void Resume();
  // For OpenSSL's callbacks.
  bool KeepSession(SSL_SESSION* session);
  int Read(char* out, int size);
  void Send(std::string_view record);

 private:
  enum class State : uint8_t { kConnecting, kHandshake, kOpen, kDead };

  void OnConnected() override;
  void OnRead(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override;
  void OnError(const Error& error) override;

  bool OpenSsl();
  bool SetClientTarget();
  void Process(std::string_view bytes);
  void Advance();
  // Each gives false when the stream is dead or destroyed: nothing more is to be done.
  bool Handshake();
  bool Established();
  bool Deliver();
  bool TellEnd();
  size_t ReadPlain(int* stopped_by);
  bool Tell(Error error);
  void FailLater(const Error& error);
  void Settle();
  void SealAll(std::span<const std::string_view> slices);
  bool Seal(std::string_view piece, bool last);
  void Flush();
  void SayClose();
  void Finish();
  bool wants() const { return reading_ && handler_ != nullptr; }
  bool untold() const;
  Error ErrorNow(ErrorCode code, const char* context) const;
  Error HandshakeError() const;
  // Runs `call` on the handler; false: this stream was destroyed by it.
  template <class Call>
  bool Calling(Call call) {
    Workspace& workspace = workspace_;
    workspace.telling_ = this;
    call(*handler_);
    return std::exchange(workspace.telling_, nullptr) == this;
  }

  Workspace& workspace_;
  std::shared_ptr<const ServerContext> server_;  // one of the two
  std::shared_ptr<const ClientContext> client_;
  std::shared_ptr<SessionSlot> sessions_;
  net::StreamPtr inner_;
  SslPtr ssl_;
  net::StreamHandler* handler_ = nullptr;
  std::string_view input_;                // of `held_` or of the read being told
  std::string held_;                      // records that wait for someone who reads
  std::string unsent_;                    // written before the handshake was done
  std::unique_ptr<std::string> subject_;  // of the client's certificate
  Error failure_;                         // with failed_: to be told on the next turn
  State state_;
  bool reading_ = false;
  bool telling_data_ = false;  // in Deliver: what is left over is its business
  bool finish_wanted_ = false;
  bool closed_ = false;    // close_notify has been sent
  bool finished_ = false;  // and FIN below: nothing may be written any more
  bool ended_ = false;     // the inner stream has ended
  bool end_told_ = false;  // close_notify has come and been told
  bool failed_ = false;
  bool beginning_ = false;  // in Begin: whoever made us is not to be called yet
  bool direct_ = false;     // a record may go below without a copy: it is the last of its write
};

}  // namespace meridian::tls
