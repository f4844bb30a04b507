// See certificates.h.
#include "testing/certificates.h"

#include <gtest/gtest.h>
#include <meridian/base/check.h>

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>

namespace meridian::fakes {
namespace {

template <auto kFree>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;
using File = std::unique_ptr<FILE, FreeBy<std::fclose>>;

Key ReadKey(const std::string& path) {
  const File file(std::fopen(path.c_str(), "r"));
  return Key(PEM_read_PrivateKey(file.get(), nullptr, nullptr, nullptr));
}

Certificate ReadCertificate(const std::string& path) {
  const File file(std::fopen(path.c_str(), "r"));
  return Certificate(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
}

void AddExtension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  MERIDIAN_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::string AlternativeNames(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    in6_addr address;
    const bool is_ip = inet_pton(AF_INET, name.c_str(), &address) == 1 ||
                       inet_pton(AF_INET6, name.c_str(), &address) == 1;
    text += (text.empty() ? "" : ",") + std::string(is_ip ? "IP:" : "DNS:") + name;
  }
  return text;
}

Certificate MakeCertificate(const CertificateSpec& spec, EVP_PKEY* key, long serial, X509* issuer,
                            EVP_PKEY* issuer_key) {
  Certificate made(X509_new());
  X509* certificate = made.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), spec.from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate), spec.until_seconds);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(spec.subject.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(issuer != nullptr ? issuer : certificate));
  X509_set_pubkey(certificate, key);
  X509* by = issuer != nullptr ? issuer : certificate;
  AddExtension(certificate, by, NID_basic_constraints,
               spec.authority ? "critical,CA:TRUE" : "CA:FALSE");
  AddExtension(certificate, by, NID_subject_key_identifier, "hash");
  if (!spec.names.empty()) {
    AddExtension(certificate, by, NID_subject_alt_name, AlternativeNames(spec.names));
  }
  MERIDIAN_CHECK(X509_sign(certificate, issuer_key != nullptr ? issuer_key : key, EVP_sha256()) >
                 0);
  return made;
}

}  // namespace

CertificateFolder::CertificateFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "meridian-tls-XXXXXX").string();
  path_ = mkdtemp(pattern.data());
  CertificateSpec spec;
  spec.subject = "Test Authority";
  spec.authority = true;
  authority_ = Issue("authority", spec);
}

CertificateFolder::~CertificateFolder() {
  std::filesystem::remove_all(path_);
}

Issued CertificateFolder::Issue(const std::string& name, const CertificateSpec& spec,
                                const Issued* issuer) {
  const Key key(spec.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  const bool is_root = authority_.certificate.empty();
  const Issued& signer = issuer != nullptr ? *issuer : authority_;
  const Certificate issuer_certificate = is_root ? nullptr : ReadCertificate(signer.certificate);
  const Key issuer_key = is_root ? nullptr : ReadKey(signer.key);
  const Certificate certificate =
      MakeCertificate(spec, key.get(), serial_++, issuer_certificate.get(), issuer_key.get());
  const Issued issued{Path(name + ".pem"), Path(name + ".key")};
  {
    const File file(std::fopen(issued.certificate.c_str(), "w"));
    PEM_write_X509(file.get(), certificate.get());
    if (issuer != nullptr) PEM_write_X509(file.get(), issuer_certificate.get());
    const File key_file(std::fopen(issued.key.c_str(), "w"));
    PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }
  return issued;
}

std::string CertificateFolder::Staple(const std::string& name, const Issued& about, bool good,
                                      long until_seconds) {
  const Certificate certificate = ReadCertificate(about.certificate);
  const Certificate issuer = ReadCertificate(authority_.certificate);
  const Key issuer_key = ReadKey(authority_.key);
  OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
  OCSP_CERTID* id = OCSP_cert_to_id(nullptr, certificate.get(), issuer.get());
  ASN1_TIME* now = X509_gmtime_adj(nullptr, until_seconds < 0 ? 2 * until_seconds : -60);
  ASN1_TIME* until = X509_gmtime_adj(nullptr, until_seconds);
  OCSP_basic_add1_status(basic, id, good ? V_OCSP_CERTSTATUS_GOOD : V_OCSP_CERTSTATUS_REVOKED, 0,
                         good ? nullptr : now, now, until);
  OCSP_basic_sign(basic, issuer.get(), issuer_key.get(), EVP_sha256(), nullptr, 0);
  OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* bytes = nullptr;
  const int count = i2d_OCSP_RESPONSE(response, &bytes);
  const std::string path =
      Write(name, {reinterpret_cast<const char*>(bytes), static_cast<size_t>(count)});
  OPENSSL_free(bytes);
  OCSP_RESPONSE_free(response);
  ASN1_TIME_free(now);
  ASN1_TIME_free(until);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  return path;
}

std::string CertificateFolder::Write(std::string_view name, std::string_view text) const {
  const std::string path = Path(name);
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string CertificateFolder::ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace meridian::fakes
