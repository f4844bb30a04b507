// OCSP responses to staple (RFC 6066 section 8, RFC 6960): read from a file, judged. Private to the
// room; control thread.
#pragma once

#include <string>

#include "tls/credentials.h"

namespace meridian::tls {

// Fills `staple` and `staple_until`. False: the file holds no such response, or one of another
// certificate. One that is out of date or says "revoked" is left out with a warning.
bool LoadStaple(const std::string& path, Credentials& credentials, Problems& problems);

}  // namespace meridian::tls
