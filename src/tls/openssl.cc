// See openssl.h.
#include "tls/openssl.h"

#include <meridian/base/descriptor.h>
#include <meridian/base/format.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace meridian::tls {
namespace {

constexpr off_t kMaxFileBytes = 1024 * 1024;

}  // namespace

std::string TakeErrorText() {
  const unsigned long code = ERR_peek_error();
  const char* reason = ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : Format("error {:#x}", code);
  ERR_clear_error();
  return text;
}

std::optional<std::string> ReadFile(const std::string& path, Problems& problems) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.ok() || ::fstat(file.get(), &status) != 0) {
    problems.errors.push_back(Format("{}: cannot be read ({})", path, std::strerror(errno)));
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode) || status.st_size > kMaxFileBytes) {
    problems.errors.push_back(Format(
        "{}: is {}", path, S_ISREG(status.st_mode) ? "larger than 1 MiB" : "not a regular file"));
    return std::nullopt;
  }
  std::string text(static_cast<size_t>(status.st_size), '\0');
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  if (got != status.st_size) {
    problems.errors.push_back(Format("{}: changed while it was read; load it again", path));
    return std::nullopt;
  }
  return text;
}

void SetCommonOptions(SSL_CTX* context, int min_version) {
  SSL_CTX_set_min_proto_version(context, min_version);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  // Of TLS 1.2 what is forward secret and authenticated at once; 1.3 has nothing else.
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL");
}

std::string AlpnOnTheWire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

bool TrustFile(SSL_CTX* context, const std::string& path, Problems& problems) {
  if (!ReadFile(path, problems)) return false;
  if (SSL_CTX_load_verify_file(context, path.c_str()) == 1) return true;
  problems.errors.push_back(Format(
      "{}: holds no certificates to trust ({}); expected them in PEM form", path, TakeErrorText()));
  return false;
}

}  // namespace meridian::tls
