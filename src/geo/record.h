// One record of a MaxMind database as a Location, read with libmaxminddb by path. Precondition:
// RecordCheck passed it.
#pragma once

#include <meridian/geo/location.h>

#include "geo/string_pool.h"

#include <maxminddb.h>

#include <string_view>

namespace meridian::geo {

// What the record says, of the fields that Meridian knows; anything of an unexpected type or out of
// range counts as not said. The city goes to `strings`.
Location ReadRecord(MMDB_entry_s entry, StringPool& strings);

// RFC 3629 without control characters: fit to be printed, logged and put into JSON.
bool IsPrintable(std::string_view text);

}  // namespace meridian::geo
