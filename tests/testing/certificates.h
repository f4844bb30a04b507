// Certificates for tests, made on the spot: an authority of its own in a folder of its own, and
// what it issues as PEM files. Keys are ECDSA P-256 unless RSA is asked for; both are as good as
// any and take milliseconds. Nothing here is secret.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::fakes {

struct CertificateSpec {
  std::string subject = "test";    // common name
  std::vector<std::string> names;  // DNS names, or IP addresses
  bool rsa = false;
  bool authority = false;     // may issue others
  long from_seconds = -3600;  // relative to now
  long until_seconds = 30 * 86400;
};

struct Issued {
  std::string certificate, key;  // paths
};

class CertificateFolder {
 public:
  CertificateFolder();
  ~CertificateFolder();
  CertificateFolder(const CertificateFolder&) = delete;
  CertificateFolder& operator=(const CertificateFolder&) = delete;

  // Signed by the folder's authority (or by `issuer`): NAME.pem (with the issuer's behind it, if
  // that is given) and NAME.key.
  Issued Issue(const std::string& name, const CertificateSpec& spec,
               const Issued* issuer = nullptr);
  // The authority itself: what a peer trusts.
  const Issued& authority() const { return authority_; }
  // A DER OCSP response of the authority about the certificate: good (or revoked), valid until
  // then.
  std::string Staple(const std::string& name, const Issued& about, bool good = true,
                     long until_seconds = 86400);

  std::string Path(std::string_view name) const { return (path_ / name).string(); }
  std::string Write(std::string_view name, std::string_view text) const;
  static std::string ReadAll(const std::string& path);

 private:
  std::filesystem::path path_;
  Issued authority_;
  long serial_ = 1;
};

}  // namespace meridian::fakes
