// See staple.h. The signature is not verified: clients do, and they alone know whom they trust.
#include "tls/staple.h"

#include <meridian/base/format.h>

#include <openssl/ocsp.h>

namespace meridian::tls {
namespace {

constexpr long kClockSkewSeconds = 300;
constexpr std::time_t kWithoutEnd = 24 * 3600;  // for a response that names no next update

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, FreeBy<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, FreeBy<OCSP_BASICRESP_free>>;

// The part of the response that is about this certificate. Responders may name it by other hashes
// than SHA-1: the serial number must do where no issuer is at hand.
OCSP_SINGLERESP* FindAnswer(OCSP_BASICRESP* basic, const Credentials& credentials) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(credentials.leaf.get());
  for (int i = 0; i < OCSP_resp_count(basic); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic, i);
    ASN1_INTEGER* named = nullptr;
    const auto* id = OCSP_SINGLERESP_get0_id(single);
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &named, const_cast<OCSP_CERTID*>(id));
    if (named != nullptr && ASN1_INTEGER_cmp(named, serial) == 0) return single;
  }
  return nullptr;
}

}  // namespace

bool LoadStaple(const std::string& path, Credentials& credentials, Problems& problems) {
  const auto text = ReadFile(path, problems);
  if (!text) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text->data());
  const ResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(text->size())));
  const BasicPtr basic(response && OCSP_response_status(response.get()) ==
                                       OCSP_RESPONSE_STATUS_SUCCESSFUL
                           ? OCSP_response_get1_basic(response.get())
                           : nullptr);
  ERR_clear_error();
  if (!basic) {
    problems.errors.push_back(Format(
        "{}: holds no successful OCSP response; expected one in DER form (openssl ocsp -respout)",
        path));
    return false;
  }
  OCSP_SINGLERESP* answer = FindAnswer(basic.get(), credentials);
  if (answer == nullptr) {
    problems.errors.push_back(Format("{}: is about another certificate", path));
    return false;
  }
  ASN1_GENERALIZEDTIME *from = nullptr, *until = nullptr;
  const int status = OCSP_single_get0_status(answer, nullptr, nullptr, &from, &until);
  if (status != V_OCSP_CERTSTATUS_GOOD) {
    problems.warnings.push_back(Format("{}: says that the certificate is {}; it is not stapled",
                                       path, OCSP_cert_status_str(status)));
    return true;
  }
  if (OCSP_check_validity(from, until, kClockSkewSeconds, -1) != 1) {
    ERR_clear_error();
    problems.warnings.push_back(
        Format("{}: is out of date; it is not stapled until a newer one is loaded", path));
    return true;
  }
  std::tm parts{};
  credentials.staple = *text;
  credentials.staple_until = until != nullptr && ASN1_TIME_to_tm(until, &parts) == 1
                                 ? timegm(&parts)
                                 : std::time(nullptr) + kWithoutEnd;
  return true;
}

}  // namespace meridian::tls
