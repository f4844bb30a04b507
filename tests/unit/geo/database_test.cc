// Databases: the committed ones by content, MaxMind's test files against their expected records,
// and everything that is broken: refused or silent, never a crash (run under AddressSanitizer and
// UndefinedBehaviorSanitizer).
#include <meridian/geo/database.h>
#include <meridian/net/random.h>

#include "expected_json.h"
#include "test_files.h"
#include "testing/allocations.h"

#include <cmath>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

namespace meridian::geo {
namespace {

// A file that goes with the test.
class ScratchFile {
 public:
  explicit ScratchFile(std::string_view bytes = {})
      : path_(std::filesystem::path(testing::TempDir()) /
              ("meridian-geo-" + std::to_string(getpid()))) {
    Write(bytes);
  }
  ~ScratchFile() { std::filesystem::remove(path_); }
  void Write(std::string_view bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

net::IpAddress RandomIp(net::Xoshiro& random) {
  if (random.Next() % 2 == 0) return net::IpAddress::V4(static_cast<uint32_t>(random.Next()));
  std::array<uint8_t, 16> bytes;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
  bytes[0] = 0x20;
  return net::IpAddress::V6(bytes);
}

// Answers must be usable whatever the file was: codes readable, the city text, the point on earth.
void LookUpEverywhere(const Database& database) {
  net::Xoshiro random(1);
  for (int i = 0; i < 300; ++i) {
    const net::IpAddress ip = RandomIp(random);
    const Location found = database.Lookup(ip);
    EXPECT_LE(found.prefix_length, ip.bits());
    EXPECT_LE(std::string(found.city).size(), 128u);
    if (found.has_coordinates) {
      EXPECT_TRUE(Point::At(found.point.latitude, found.point.longitude));
    }
  }
}

TEST(Database, AnswersForEachPlaceOfTheTestCity) {
  const Database city = OpenCommitted("meridian-test-city.mmdb");
  const struct {
    const char* ip;
    const char* city;
    const char* country;
    const char* subdivision;
    double latitude, longitude;
  } kExpected[] = {{"127.0.33.1", "Atlanta", "US", "GA", 33.749, -84.388},
                   {"127.0.32.255", "Dallas", "US", "TX", 32.7767, -96.797},
                   {"127.0.37.7", "San Jose", "US", "CA", 37.3382, -121.8863},
                   {"127.0.51.1", "London", "GB", "ENG", 51.5072, -0.1276},
                   {"127.0.48.1", "Paris", "FR", "IDF", 48.8566, 2.3522},
                   {"127.0.50.1", "Frankfurt am Main", "DE", "HE", 50.1109, 8.6821},
                   {"127.0.35.1", "Tokyo", "JP", "13", 35.6762, 139.6503},
                   {"127.0.40.1", "New York", "US", "NY", 40.7128, -74.006},
                   {"127.0.19.1", "Mexico City", "MX", "CMX", 19.4326, -99.1332},
                   {"127.0.23.1", "São Paulo", "BR", "SP", -23.5505, -46.6333},
                   {"81.2.69.142", "London", "GB", "ENG", 51.5072, -0.1276},
                   {"::ffff:81.2.69.142", "London", "GB", "ENG", 51.5072, -0.1276},
                   {"2001:db8:4a::1", "Atlanta", "US", "GA", 33.749, -84.388},
                   {"2001:db8::1", "Frankfurt am Main", "DE", "HE", 50.1109, 8.6821}};
  for (const auto& expected : kExpected) {
    SCOPED_TRACE(expected.ip);
    const Location found = city.Lookup(Ip(expected.ip));
    EXPECT_STREQ(found.city, expected.city);
    EXPECT_EQ(found.country.view(), expected.country);
    EXPECT_EQ(found.subdivision.view(), expected.subdivision);
    ASSERT_TRUE(found.has_coordinates);
    EXPECT_FLOAT_EQ(found.point.latitude, static_cast<float>(expected.latitude));
    EXPECT_FLOAT_EQ(found.point.longitude, static_cast<float>(expected.longitude));
    EXPECT_EQ(found.origin, Origin::kDatabase);
  }
  EXPECT_EQ(city.Lookup(Ip("81.2.69.142")).prefix_length, 24);
  EXPECT_EQ(city.Lookup(Ip("2001:db8:4a::1")).prefix_length, 48);
}

TEST(Database, KnowsNothingOfOtherAddresses) {
  const Database city = OpenCommitted("meridian-test-city.mmdb");
  for (const char* ip :
       {"127.0.0.1", "10.0.0.1", "255.255.255.255", "::1", "fe80::1", "2002:5102:458e::1"}) {
    const Location found = city.Lookup(Ip(ip));
    EXPECT_EQ(found.origin, Origin::kUnknown) << ip;
    EXPECT_FALSE(found.has_geography()) << ip;
  }
  EXPECT_EQ(city.Lookup(net::IpAddress()).origin, Origin::kUnknown);
}

TEST(Database, ReportsWhatItIs) {
  const DatabaseReport city = OpenCommitted("meridian-test-city.mmdb").report();
  EXPECT_EQ(city.type, "Meridian-Test-City");
  EXPECT_EQ(city.build_epoch, 1767225600u);
  EXPECT_EQ(city.ip_version, 6);
  EXPECT_GT(city.node_count, 0u);
  EXPECT_GE(city.network_count, 40u);
  EXPECT_EQ(city.record_count, 22u);
  EXPECT_TRUE(city.has_coordinates && city.has_country && city.has_city);
  EXPECT_FALSE(city.has_asn);
  const DatabaseReport asn = OpenCommitted("meridian-test-asn.mmdb").report();
  EXPECT_TRUE(asn.has_asn);
  EXPECT_FALSE(asn.has_country || asn.has_coordinates);
}

TEST(Database, LooksUpWithoutAllocating) {
  const Database city = OpenCommitted("meridian-test-city.mmdb");
  const net::IpAddress ip = Ip("81.2.69.142");
  const fakes::Allocations allocations;
  const Location found = city.Lookup(ip);
  EXPECT_EQ(allocations.count(), 0u);
  EXPECT_STREQ(found.city, "London");
}

TEST(Database, KeepsAnsweringWhenItsFileIsOverwritten) {
  const ScratchFile file(ReadBytes(CommittedFile("meridian-test-city.mmdb")));
  const auto city = Database::Open(file.path());
  ASSERT_TRUE(city);
  file.Write("");
  EXPECT_STREQ(city->Lookup(Ip("81.2.69.142")).city, "London");
}

TEST(Database, RefusesWhatIsNotAFile) {
  EXPECT_EQ(Database::Open("/nonexistent/x.mmdb").error().code, ErrorCode::kIo);
  EXPECT_EQ(Database::Open("/nonexistent/x.mmdb").error().system, ENOENT);
  EXPECT_EQ(Database::Open(testing::TempDir()).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Database::Open("/dev/zero").error().code, ErrorCode::kInvalid);
  const ScratchFile empty;
  EXPECT_EQ(Database::Open(empty.path()).error().code, ErrorCode::kMalformed);
  const ScratchFile text("hello, world\n");
  EXPECT_EQ(Database::Open(text.path()).error().code, ErrorCode::kMalformed);
}

TEST(Database, RefusesAFileCutAnywhere) {
  const std::string whole = ReadBytes(CommittedFile("meridian-test-asn.mmdb"));
  ASSERT_FALSE(whole.empty());
  const ScratchFile file;
  for (size_t size = 0; size < whole.size(); size += 7) {
    file.Write(std::string_view(whole).substr(0, size));
    EXPECT_FALSE(Database::Open(file.path())) << size;
  }
}

// Every byte of a real file matters somewhere: each is damaged in turn.
TEST(Database, SurvivesAnyDamagedByte) {
  const std::string whole = ReadBytes(CommittedFile("meridian-test-asn.mmdb"));
  const ScratchFile file;
  net::Xoshiro random(99);
  size_t refused = 0;
  for (size_t at = 0; at < whole.size(); at += 3) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(random.Next());
    file.Write(damaged);
    const auto database = Database::Open(file.path());
    refused += !database;
    if (database) LookUpEverywhere(*database);
  }
  EXPECT_GT(refused, 0u);
}

TEST(Database, RefusesOrSurvivesEveryBrokenFile) {
  for (const auto& path : SharedFiles("mmdb/bad")) {
    SCOPED_TRACE(path.filename().string());
    const auto database = Database::Open(path.string());
    if (database) {
      LookUpEverywhere(*database);
    } else {
      EXPECT_GT(std::string_view(database.error().context).size(), 10u);
    }
  }
}

TEST(Database, OpensGoodFilesOrSaysThatTheyDoNotLocate) {
  size_t opened = 0, files = 0;
  for (const auto& path : SharedFiles("mmdb/good")) {
    ++files;
    SCOPED_TRACE(path.filename().string());
    const auto database = Database::Open(path.string());
    const std::string name = path.filename().string();
    const bool must_open =
        name.find("City") != std::string::npos || name.find("Country") != std::string::npos ||
        name.find("ASN") != std::string::npos || name.find("Enterprise") != std::string::npos ||
        name.find("ISP") != std::string::npos;
    if (database) {
      ++opened;
      LookUpEverywhere(*database);
    } else {
      EXPECT_FALSE(must_open) << Describe(database.error());
      EXPECT_EQ(database.error().code, ErrorCode::kUnsupported) << Describe(database.error());
    }
  }
  if (files > 0) {
    EXPECT_GE(opened, 10u);
  }
}

// "::1.2.3.0/120" is how an IPv6 tree names IPv4 networks.
net::Prefix ExpectedNetwork(std::string text) {
  if (text.starts_with("::") && text.find('.') != std::string::npos) {
    const size_t slash = text.find('/');
    const int length = std::stoi(text.substr(slash + 1)) - 96;
    text = text.substr(2, slash - 2) + "/" + std::to_string(length);
  }
  const auto slash = text.find('/');
  const auto ip = net::IpAddress::Parse(text.substr(0, slash));
  EXPECT_TRUE(ip) << text;
  return {ip.value_or(net::IpAddress()), std::stoi(text.substr(slash + 1))};
}

std::string Value(const ExpectedJson::Values& values, const std::string& path) {
  const auto found = values.find(path);
  return found == values.end() ? "" : found->second;
}

float Coordinate(const ExpectedJson::Values& values, const std::string& path) {
  return std::strtof(Value(values, path).c_str(), nullptr);
}

void ExpectRecord(const Location& found, const ExpectedJson::Values& values,
                  const std::string& record) {
  const std::string latitude = Value(values, record + ".location.latitude");
  EXPECT_EQ(found.has_coordinates, !latitude.empty());
  if (!latitude.empty()) {
    EXPECT_FLOAT_EQ(found.point.latitude, Coordinate(values, record + ".location.latitude"));
    EXPECT_FLOAT_EQ(found.point.longitude, Coordinate(values, record + ".location.longitude"));
  }
  EXPECT_EQ(found.country.view(), Value(values, record + ".country.iso_code"));
  EXPECT_EQ(found.continent.view(), Value(values, record + ".continent.code"));
  EXPECT_EQ(found.subdivision.view(), Value(values, record + ".subdivisions.0.iso_code"));
  EXPECT_EQ(found.city, Value(values, record + ".city.names.en"));
  std::string asn = Value(values, record + ".autonomous_system_number");
  if (asn.empty()) asn = Value(values, record + ".traits.autonomous_system_number");
  EXPECT_EQ(found.asn, asn.empty() ? 0 : std::stoul(asn));
}

TEST(Database, AnswersAsExpectedRecordByRecord) {
  for (const auto& path : SharedFiles("mmdb/expected")) {
    const std::string name = path.stem().string();
    SCOPED_TRACE(name);
    const auto database = Database::Open((SharedData() / "mmdb/good" / (name + ".mmdb")).string());
    ASSERT_TRUE(database) << Describe(database.error());
    const auto values = ExpectedJson::Read(ReadBytes(path));
    ASSERT_FALSE(values.empty());
    // Paths are "12.81.2.69.142/31.country.iso_code": entry, network, field.
    std::set<std::string> records;
    for (const auto& [key, value] : values) {
      const size_t slash = key.find('/');
      records.insert(key.substr(0, key.find('.', slash)));
    }
    EXPECT_GT(records.size(), 200u);
    for (const std::string& record : records) {
      SCOPED_TRACE(record);
      const net::Prefix network = ExpectedNetwork(record.substr(record.find('.') + 1));
      const Location found = database->Lookup(network.ip());
      ExpectRecord(found, values, record);
      if (found.has_geography() || found.asn != 0) {
        EXPECT_LE(found.prefix_length, network.length());  // the writer joins equal neighbours
      }
    }
  }
}

TEST(Database, SamplesItsNetworksEvenlyAndInOrder) {
  const Database database = OpenCommitted("meridian-test-city.mmdb");
  const std::vector<net::Prefix> all = database.Sample(SIZE_MAX);
  ASSERT_GT(all.size(), 3u);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  for (const net::Prefix& network : all) {
    EXPECT_TRUE(database.Lookup(network.ip()).has_geography()) << network.ToString();
    EXPECT_EQ(database.Lookup(network.ip()).prefix_length, network.length());
  }
  const std::vector<net::Prefix> some = database.Sample(3);
  ASSERT_EQ(some.size(), 3u);
  EXPECT_EQ(some[0], all[0]);
  EXPECT_TRUE(std::includes(all.begin(), all.end(), some.begin(), some.end()));
  EXPECT_TRUE(database.Sample(0).empty());
}

TEST(Database, IsDoubtfulBesideAnother) {
  DatabaseReport running;
  running.type = "GeoLite2-City";
  running.build_epoch = 1767225600;
  running.network_count = 1000;
  EXPECT_EQ(DoubtAbout(running, running), "");
  DatabaseReport next = running;
  next.build_epoch += 86400;
  next.network_count = 500;
  EXPECT_EQ(DoubtAbout(next, running), "");
  next.network_count = 499;
  EXPECT_EQ(DoubtAbout(next, running),
            "it has 499 networks, fewer than half of the running one's 1000");
  next = running;
  --next.build_epoch;
  EXPECT_EQ(DoubtAbout(next, running),
            "it was built 2025-12-31T23:59:59.000Z, before the running one "
            "(2026-01-01T00:00:00.000Z)");
  next = running;
  next.type = "GeoLite2-ASN";
  EXPECT_EQ(DoubtAbout(next, running),
            "it is of type 'GeoLite2-ASN', the running one of 'GeoLite2-City'");
  running.build_epoch = UINT64_MAX;
  EXPECT_NE(DoubtAbout(next, running), "");
}

TEST(FileStamp, DiffersWhenTheFileWasReplacedOrWrittenTo) {
  const std::string path = testing::TempDir() + "meridian-stamp-" + std::to_string(getpid());
  const auto write = [](const std::string& to, const char* text) { std::ofstream(to) << text; };
  write(path, "one");
  const FileStamp first = FileStamp::Of(path);
  EXPECT_EQ(FileStamp::Of(path), first);
  write(path + ".new", "two");
  std::filesystem::rename(path + ".new", path);
  const FileStamp second = FileStamp::Of(path);
  EXPECT_NE(second, first);
  std::ofstream(path, std::ios::app) << " more";
  EXPECT_NE(FileStamp::Of(path), second);
  std::filesystem::remove(path);
  EXPECT_EQ(FileStamp::Of(path), FileStamp());
}

TEST(Database, ReportsTheStampOfTheFileItRead) {
  const Database database = OpenCommitted("meridian-test-city.mmdb");
  EXPECT_EQ(database.report().stamp, FileStamp::Of(CommittedFile("meridian-test-city.mmdb")));
}

}  // namespace
}  // namespace meridian::geo
