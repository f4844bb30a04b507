// One MaxMind DB file (.mmdb: City, Country, Enterprise, ASN, ISP, or anything of the same schema),
// read whole, verified, and compiled: when Open returns, every node and every record has been
// checked and decoded once, the file is closed, and a look-up walks plain arrays. Nothing that
// happens to the file later can hurt.
//
// Format: MaxMind DB File Format Specification 2.0. What is refused: a file that is not one or
// contradicts itself anywhere (nodes out of the file, cycles, records that point outside or nest
// deeper than 32), and one whose records know no coordinates, country, continent or ASN.
// `registered_country` is not read: it says who registered a network, not where it is. Aliases of
// the IPv4 tree inside the IPv6 one (6to4, Teredo) are not followed.
#pragma once

#include <meridian/base/result.h>
#include <meridian/geo/location.h>
#include <meridian/net/address.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace meridian::geo {

// Which bytes a path led to, as the file system tells: differs when the file was replaced or
// written to. Nothing there: all zero.
struct FileStamp {
  uint64_t device = 0, inode = 0, bytes = 0;
  int64_t modified_ns = 0;  // since 1970

  bool operator==(const FileStamp&) const = default;
  static FileStamp Of(const std::string& path);
};

// What a database is, for status and events.
struct DatabaseReport {
  std::string path;
  FileStamp stamp;           // of the bytes that were read
  std::string type;          // as the file names itself: "GeoLite2-City"
  uint64_t build_epoch = 0;  // seconds since 1970, as the file says: any value
  int ip_version = 0;        // 4 or 6; 6 holds IPv4 too
  uint32_t node_count = 0;
  uint32_t network_count = 0;  // networks with a record
  uint32_t record_count = 0;   // distinct records
  bool has_coordinates = false, has_country = false, has_city = false,
       has_asn = false;  // in any record
};

// Why `next` should not take the place of `running` at the same path unasked, for people: another
// type, built earlier, or far smaller (fewer than half the networks). Empty: nothing speaks against
// it.
std::string DoubtAbout(const DatabaseReport& next, const DatabaseReport& running);

class Database {
 public:
  static constexpr size_t kMaxFileBytes = size_t{1} << 30;

  // Blocks on the disk and takes about a second per million records. What was compiled is compared
  // with what libmaxminddb says of a sample of addresses. Errors: kIo (cannot be read), kTooLarge,
  // kMalformed (the context says where), kUnsupported (well-formed, but nothing in it locates).
  static Result<Database> Open(const std::string& path);

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  struct Contents;  // private to the room

  // Unknown when the file has nothing for it. City lives as long as this Database.
  Location Lookup(const net::IpAddress& ip) const;
  const DatabaseReport& report() const;
  // Networks with a record, evenly chosen in order of address, at most `most`: IPv4, or IPv6 where
  // there are no others. Visits all there are: for commands, not for traffic.
  std::vector<net::Prefix> Sample(size_t most) const;

 private:
  friend class Locator;
  explicit Database(std::unique_ptr<const Contents> contents);
  std::unique_ptr<const Contents> contents_;
};

}  // namespace meridian::geo
