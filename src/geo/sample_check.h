// The last step of opening a database: what was compiled from it against what libmaxminddb reads in
// it, for a sample of addresses inside its networks. Control thread, or whichever opens.
#pragma once

#include "geo/database_contents.h"

#include <maxminddb.h>

namespace meridian::geo {

// Error: kMalformed, when one address differs.
Result<> CheckSample(const MMDB_s& mmdb, const Database::Contents& compiled);

}  // namespace meridian::geo
