// See credentials.h. Every mistake that is made with such files has its own sentence: the wrong
// key, the wrong order, a passphrase, an old certificate.
#include "tls/credentials.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "tls/staple.h"

namespace meridian::tls {
namespace {

constexpr int kSoonSeconds = 7 * 24 * 3600;

std::string Date(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unknown date";
  return Format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

// PEM asks for a passphrase where the key has one: there is none to give.
int NoPassphrase(char*, int, int, void*) {
  return -1;
}

bool ReadCertificates(const std::string& path, Credentials& credentials, Problems& problems) {
  const std::optional<std::string> text = ReadFile(path, problems);
  if (!text) return false;
  const BioPtr bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)) {
    if (!credentials.leaf) {
      credentials.leaf.reset(certificate);
    } else {
      credentials.chain.emplace_back(certificate);
    }
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string why = TakeErrorText();
  if (credentials.leaf && at_end) return true;
  problems.errors.push_back(Format(
      "{}: {} ({}); expected certificates in PEM form, the server's own first", path,
      credentials.leaf ? "holds a certificate that cannot be read" : "holds no certificate", why));
  return false;
}

bool ReadKey(const std::string& path, Credentials& credentials, Problems& problems) {
  std::optional<std::string> text = ReadFile(path, problems);
  if (!text) return false;
  const BioPtr bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  credentials.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  const bool encrypted = text->find("ENCRYPTED") != std::string::npos;
  OPENSSL_cleanse(text->data(), text->size());
  const std::string why = TakeErrorText();
  if (credentials.key) return true;
  problems.errors.push_back(
      encrypted ? Format("{}: the key has a passphrase; expected one without", path)
                : Format("{}: holds no private key ({}); expected one in PEM form", path, why));
  return false;
}

bool KeyMatches(const std::string& certificate_path, const std::string& key_path,
                const Credentials& credentials, Problems& problems) {
  if (X509_check_private_key(credentials.leaf.get(), credentials.key.get()) == 1) return true;
  ERR_clear_error();
  for (size_t i = 0; i < credentials.chain.size(); ++i) {
    if (X509_check_private_key(credentials.chain[i].get(), credentials.key.get()) == 1) {
      problems.errors.push_back(
          Format("{}: the certificate of the key is number {}; expected it first, then each issuer",
                 certificate_path, i + 2));
      return false;
    }
    ERR_clear_error();
  }
  problems.errors.push_back(
      Format("{}: does not match the certificate in {}; expected the key that it was made for",
             key_path, certificate_path));
  return false;
}

bool ChainIsInOrder(const std::string& path, const Credentials& credentials, Problems& problems) {
  X509* below = credentials.leaf.get();
  for (size_t i = 0; i < credentials.chain.size(); ++i) {
    X509* issuer = credentials.chain[i].get();
    if (X509_check_issued(issuer, below) != X509_V_OK) {
      problems.errors.push_back(Format(
          "{}: certificate {} is not the issuer of the one before it; expected the server's own, "
          "then each issuer in order",
          path, i + 2));
      return false;
    }
    below = issuer;
  }
  return true;
}

void JudgeDates(const std::string& path, const Credentials& credentials, Problems& problems) {
  X509* leaf = credentials.leaf.get();
  const ASN1_TIME* end = X509_get0_notAfter(leaf);
  if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0) {
    problems.warnings.push_back(Format("{}: is not valid before {}: clients refuse it until then",
                                       path, Date(X509_get0_notBefore(leaf))));
  }
  std::time_t soon = std::time(nullptr) + kSoonSeconds;
  if (X509_cmp_current_time(end) < 0) {
    problems.warnings.push_back(Format(
        "{}: has expired on {}: clients refuse it; expected a renewed one", path, Date(end)));
  } else if (X509_cmp_time(end, &soon) < 0) {
    problems.warnings.push_back(Format("{}: expires on {}; renew it", path, Date(end)));
  }
}

void ReadNames(Credentials& credentials) {
  X509* leaf = credentials.leaf.get();
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    const std::string_view text(bytes, static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    credentials.names.push_back(LowerAscii(text));
  }
  GENERAL_NAMES_free(names);
  ERR_clear_error();
}

}  // namespace

bool Credentials::Names(std::string_view name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<Credentials> LoadChainAndKey(const std::string& certificate, const std::string& key,
                                           Problems& problems) {
  Credentials credentials;
  const bool chain = ReadCertificates(certificate, credentials, problems);
  const bool secret = ReadKey(key, credentials, problems);
  if (!chain || !secret || !KeyMatches(certificate, key, credentials, problems) ||
      !ChainIsInOrder(certificate, credentials, problems)) {
    return std::nullopt;
  }
  JudgeDates(certificate, credentials, problems);
  return credentials;
}

std::optional<Credentials> LoadCredentials(const CertificateFiles& files, Problems& problems) {
  auto credentials = LoadChainAndKey(files.certificate, files.key, problems);
  if (!credentials) return std::nullopt;
  ReadNames(*credentials);
  if (credentials->names.empty()) {
    problems.warnings.push_back(
        Format("{}: names no host (subjectAltName): it is only used where it is the default",
               files.certificate));
  }
  if (!files.ocsp.empty() && !LoadStaple(files.ocsp, *credentials, problems)) return std::nullopt;
  return credentials;
}

}  // namespace meridian::tls
