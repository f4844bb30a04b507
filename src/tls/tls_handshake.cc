// The handshake on both sides, what is known after it, and why one fails. And the BIO through which
// OpenSSL reads and writes.
#include <meridian/base/check.h>

#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include "tls/client_state.h"
#include "tls/server_state.h"
#include "tls/tls_stream.h"

namespace meridian::tls {
namespace {

constexpr int64_t kLastSecond = 9'000'000'000;  // in 2255: WallTime ends soon after

int ReadBio(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  const int got = static_cast<TlsStream*>(BIO_get_data(bio))->Read(out, size);
  if (got < 0) BIO_set_retry_read(bio);
  return got;
}

int WriteBio(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  static_cast<TlsStream*>(BIO_get_data(bio))->Send({bytes, static_cast<size_t>(size)});
  return size;
}

long ControlBio(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// One for the process, made at its first use.
BIO_METHOD* Method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "meridian");
    BIO_meth_set_read(made, ReadBio);
    BIO_meth_set_write(made, WriteBio);
    BIO_meth_set_ctrl(made, ControlBio);
    BIO_meth_set_create(made, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return made;
  }();
  return method;
}

// RFC 4514 text; bytes that are not printable ASCII are escaped, so it can stand in a header.
std::unique_ptr<std::string> SubjectOf(SSL* ssl) {
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return nullptr;
  const BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(bio.get(), &text);
  return std::make_unique<std::string>(text, static_cast<size_t>(bytes));
}

}  // namespace

TlsStream::TlsStream(Workspace& workspace, std::shared_ptr<const ServerContext> context,
                     net::StreamPtr inner)
    : workspace_(workspace),
      server_(std::move(context)),
      inner_(std::move(inner)),
      state_(State::kHandshake) {}

TlsStream::TlsStream(Workspace& workspace, const ConnectInput& input, net::StreamHandler& handler)
    : workspace_(workspace),
      client_(input.context),
      sessions_(input.sessions),
      handler_(&handler),
      state_(State::kConnecting) {}

void TlsStream::Begin(std::string_view early) {
  inner_->SetHandler(this);
  inner_->StartReading();
  if (early.empty()) return;
  beginning_ = true;
  Process(early);
  beginning_ = false;
}

Result<> TlsStream::Connect(net::Loop& loop, const ConnectInput& input) {
  auto inner = loop.Connect(input.to, input.options, *this);
  if (!inner) return tl::unexpected(inner.error());
  inner_ = std::move(*inner);
  if (!input.before.empty()) inner_->Write(input.before);
  return {};
}

int TlsStream::Read(char* out, int size) {
  if (input_.empty()) return ended_ ? 0 : -1;
  const size_t count = std::min(input_.size(), static_cast<size_t>(size));
  std::memcpy(out, input_.data(), count);
  input_.remove_prefix(count);
  return static_cast<int>(count);
}

bool TlsStream::OpenSsl() {
  SSL_CTX* context = server_ ? server_->state().default_context() : client_->state().context.get();
  ssl_.reset(SSL_new(context));
  BIO* bio = ssl_ ? BIO_new(Method()) : nullptr;
  if (bio == nullptr) return false;
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  if (server_) {
    SSL_set_accept_state(ssl_.get());
    return true;
  }
  SSL_set_connect_state(ssl_.get());
  return SetClientTarget();
}

// Whom to ask for: by name, which the context verifies, or else by the address itself.
bool TlsStream::SetClientTarget() {
  const ClientOptions& options = client_->state().options;
  if (sessions_ && !sessions_->empty()) {
    SSL_set_session(ssl_.get(), sessions_->kept().session.get());
  }
  if (!options.server_name.empty()) {
    return SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str()) == 1;
  }
  if (!options.verify) return true;
  const std::string address = inner_->peer().ip().ok() ? inner_->peer().ip().ToString() : "";
  return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), address.c_str()) == 1;
}

void TlsStream::OnConnected() {
  state_ = State::kHandshake;
  inner_->StartReading();
  Process({});
}

bool TlsStream::Handshake() {
  if (!ssl_) {
    if (server_ && input_.empty()) return true;
    if (!OpenSsl()) return Tell(ErrorNow(ErrorCode::kIo, "TLS handshake"));
  }
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return Established();
  const int error = SSL_get_error(ssl_.get(), result);
  Flush();  // our next flight, or the alert
  if (error == SSL_ERROR_WANT_READ) return true;
  if (sessions_) sessions_->Clear();
  return Tell(HandshakeError());
}

bool TlsStream::Established() {
  state_ = State::kOpen;
  ERR_clear_error();  // what a ticket of another key left behind
  if (server_) subject_ = SubjectOf(ssl_.get());
  // A ticket that was renewed in a resumed handshake of TLS 1.2 is not told by OpenSSL's callback.
  if (client_ && resumed() && version() == Version::kTls12) {
    SessionPtr session(SSL_get1_session(ssl_.get()));
    if (KeepSession(session.get())) session.release();
  }
  Flush();
  const bool had_unsent = !unsent_.empty();
  if (had_unsent) {
    const std::string_view unsent = unsent_;
    SealAll(std::span(&unsent, 1));
    unsent_ = std::string();
  }
  if (finish_wanted_) Finish();
  if (handler_ == nullptr) return true;
  telling_data_ = true;
  if (!Calling([](net::StreamHandler& handler) { handler.OnConnected(); })) return false;
  telling_data_ = false;
  if (state_ == State::kDead) return false;
  if (!had_unsent || pending_bytes() > 0 || handler_ == nullptr) return true;
  return Calling([](net::StreamHandler& handler) { handler.OnDrained(); }) &&
         state_ != State::kDead;
}

bool TlsStream::KeepSession(SSL_SESSION* session) {
  if (!sessions_ || SSL_SESSION_is_resumable(session) != 1) return false;
  sessions_->kept().session.reset(session);
  return true;
}

Version TlsStream::version() const {
  if (!ssl_) return Version::kNone;
  return SSL_version(ssl_.get()) == TLS1_3_VERSION ? Version::kTls13 : Version::kTls12;
}

bool TlsStream::resumed() const {
  return ssl_ && SSL_session_reused(ssl_.get()) == 1;
}

std::string_view TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned bytes = 0;
  if (ssl_) SSL_get0_alpn_selected(ssl_.get(), &name, &bytes);
  return {reinterpret_cast<const char*>(name), bytes};
}

std::string_view TlsStream::server_name() const {
  const char* name = ssl_ ? SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
  return name != nullptr ? std::string_view(name) : std::string_view();
}

std::string_view TlsStream::peer_subject() const {
  return subject_ ? std::string_view(*subject_) : std::string_view();
}

WallTime TlsStream::peer_expires() const {
  const STACK_OF(X509)* chain = ssl_ ? SSL_get_peer_cert_chain(ssl_.get()) : nullptr;
  std::optional<int64_t> first;  // seconds
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(chain, i)), &parts) != 1) continue;
    const int64_t seconds = std::min<int64_t>(timegm(&parts), kLastSecond);
    first = std::min(first.value_or(seconds), seconds);
  }
  return first ? WallTime(std::chrono::seconds(*first)) : WallTime{};
}

Error TlsStream::ErrorNow(ErrorCode code, const char* context) const {
  const Side side = server_ ? Side::kClient : Side::kBackend;
  return {code, side, Retry::kNever, TakeErrorCode(), context};
}

Error TlsStream::HandshakeError() const {
  const int reason = ERR_GET_REASON(ERR_peek_last_error());
  const long verified = SSL_get_verify_result(ssl_.get());
  Error error = ErrorNow(ErrorCode::kMalformed, "TLS handshake");
  error.retry = Retry::kSafe;
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      error.code = ErrorCode::kInvalid;
      error.context = kVerifyContext;
      error.system = -static_cast<int>(verified);
      break;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      error.code = ErrorCode::kInvalid;
      break;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_APPLICATION_PROTOCOL:
      error.code = ErrorCode::kUnsupported;
      break;
    default:
      break;
  }
  return error;
}

StreamPtr Accept(Workspace& workspace, std::shared_ptr<const ServerContext> context,
                 net::StreamPtr inner, std::string_view early) {
  auto stream = std::make_unique<TlsStream>(workspace, std::move(context), std::move(inner));
  stream->Begin(early);
  return stream;
}

Result<StreamPtr> Connect(Workspace& workspace, net::Loop& loop, const ConnectInput& input,
                          net::StreamHandler& handler) {
  auto stream = std::make_unique<TlsStream>(workspace, input, handler);
  if (auto connected = stream->Connect(loop, input); !connected) {
    return tl::unexpected(connected.error());
  }
  return stream;
}

}  // namespace meridian::tls
