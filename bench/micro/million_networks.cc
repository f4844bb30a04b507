// See million_networks.h. MaxMind DB File Format Specification 2.0: the search tree with 32-bit
// records, 16 zero bytes, the data section, the metadata.
#include "million_networks.h"

#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/net/random.h>

#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <filesystem>

namespace meridian::bench {

class Writer {
 public:
  explicit Writer(MillionNetworks& out) : out_(out), random_(kSeed) {}

  void Write(const std::string& path) {
    nodes_.push_back({kEmpty, kEmpty});
    CutIpv4();
    CutIpv6();
    WriteTowns();
    WriteMetadata();
    std::FILE* file = std::fopen(path.c_str(), "wb");
    MERIDIAN_CHECK(file != nullptr);
    const auto put = [file](const std::string& bytes) {
      MERIDIAN_CHECK(std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size());
    };
    put(Tree());
    put(std::string(16, '\0'));
    put(data_);
    put(metadata_);
    MERIDIAN_CHECK(std::fclose(file) == 0);
  }

 private:
  static constexpr uint64_t kSeed = 7;
  static constexpr uint32_t kLeaf = 1u << 31, kEmpty = UINT32_MAX;
  using Bytes = std::array<uint8_t, 16>;

  // The node below `bits` bits of an IPv6 address, made if need be.
  uint32_t NodeAt(const Bytes& bytes, int bits) {
    uint32_t node = 0;
    for (int i = 0; i < bits; ++i) {
      const int side = bytes[i / 8] >> (7 - i % 8) & 1;
      if (nodes_[node][side] == kEmpty) {
        const auto made = static_cast<uint32_t>(nodes_.size());
        nodes_.push_back({kEmpty, kEmpty});
        nodes_[node][side] = made;
      }
      node = nodes_[node][side];
    }
    return node;
  }

  void CutIpv4() {
    for (uint32_t block = 0x010; block < 0xdf0; ++block) {
      const Bytes bytes = {0,
                           0,
                           0,
                           0,
                           0,
                           0,
                           0,
                           0,
                           0,
                           0,
                           0,
                           0,
                           static_cast<uint8_t>(block >> 4),
                           static_cast<uint8_t>(block << 4)};
      Cut(NodeAt(bytes, 108), bytes, 108);
    }
  }

  void CutIpv6() {
    for (int i = 0; i < 5000; ++i) {
      Bytes bytes{0x2a, static_cast<uint8_t>(random_.Next() % 16),
                  static_cast<uint8_t>(random_.Next()), static_cast<uint8_t>(random_.Next())};
      const uint32_t node = NodeAt(bytes, 32);
      if (nodes_[node][0] == kEmpty) Cut(node, bytes, 32);
    }
  }

  // Cuts an inner node at `depth` into two halves, and those by chance again.
  void Cut(uint32_t node, Bytes bytes, int depth) {
    for (uint32_t side = 0; side < 2; ++side) {
      if (side == 1) bytes[depth / 8] |= static_cast<uint8_t>(1 << (7 - depth % 8));
      if (Unit(random_.Next()) < ChanceOfCut(depth + 1)) {
        const auto child = static_cast<uint32_t>(nodes_.size());
        nodes_.push_back({kEmpty, kEmpty});
        nodes_[node][side] = child;
        Cut(child, bytes, depth + 1);
      } else {
        const auto town = static_cast<uint32_t>(random_.Next() % MillionNetworks::kTowns);
        nodes_[node][side] = kLeaf | town;
        Remember(bytes, depth + 1);
      }
    }
  }

  static double ChanceOfCut(int depth) {
    if (depth < 96) return depth < 48 ? 0.6 : 0;
    return depth < 120 ? 0.79 : depth < 128 ? 0.1 : 0;
  }

  void Remember(const Bytes& bytes, int depth) {
    if (depth <= 96) {
      out_.v6_.emplace_back(net::IpAddress::V6(bytes), depth);
    } else {
      const uint32_t address =
          static_cast<uint32_t>(bytes[12]) << 24 | bytes[13] << 16 | bytes[14] << 8 | bytes[15];
      out_.v4_.emplace_back(net::IpAddress::V4(address), depth - 96);
    }
  }

  void WriteTowns() {
    for (size_t i = 0; i < MillionNetworks::kTowns; ++i) {
      towns_.push_back(static_cast<uint32_t>(data_.size()));
      const char* countries[] = {"US", "DE", "BR", "JP"};
      Map(data_, 4);
      Text(data_, "city"), Map(data_, 1), Text(data_, "names"), Map(data_, 1), Text(data_, "en");
      Text(data_, Format("Town {}", i));
      Text(data_, "continent"), Map(data_, 1), Text(data_, "code"), Text(data_, "EU");
      Text(data_, "country"), Map(data_, 1), Text(data_, "iso_code");
      Text(data_, countries[random_.Next() % 4]);
      Text(data_, "location"), Map(data_, 2);
      Text(data_, "latitude"), Double(data_, Unit(random_.Next()) * 130 - 60);
      Text(data_, "longitude"), Double(data_, Unit(random_.Next()) * 360 - 180);
    }
  }

  void WriteMetadata() {
    metadata_ = "\xab\xcd\xefMaxMind.com";
    Map(metadata_, 9);
    Text(metadata_, "binary_format_major_version"), Number(metadata_, 5, 2, 2);
    Text(metadata_, "binary_format_minor_version"), Number(metadata_, 5, 2, 0);
    Text(metadata_, "build_epoch"), Number(metadata_, 9, 8, 1'767'225'600);
    Text(metadata_, "database_type"), Text(metadata_, "Meridian-Bench-City");
    Text(metadata_, "description"), Map(metadata_, 0);
    Text(metadata_, "ip_version"), Number(metadata_, 5, 2, 6);
    Text(metadata_, "languages"), metadata_ += std::string("\0\4", 2);
    Text(metadata_, "node_count"), Number(metadata_, 6, 4, nodes_.size());
    Text(metadata_, "record_size"), Number(metadata_, 5, 2, 32);
  }

  std::string Tree() const {
    std::string bytes;
    const auto count = static_cast<uint32_t>(nodes_.size());
    for (const auto& node : nodes_) {
      for (const uint32_t ref : node) {
        const bool is_leaf = (ref & kLeaf) != 0;
        const uint32_t record = ref == kEmpty ? count
                                : is_leaf     ? count + 16 + towns_[ref & ~kLeaf]
                                              : ref;
        BigEndian(bytes, 4, record);
      }
    }
    return bytes;
  }

  static void BigEndian(std::string& to, int bytes, uint64_t value) {
    for (int i = bytes - 1; i >= 0; --i) to += static_cast<char>(value >> (8 * i) & 0xff);
  }
  static void Map(std::string& to, int members) { to += static_cast<char>(7 << 5 | members); }
  static void Text(std::string& to, std::string_view text) {  // shorter than 29 bytes
    to += static_cast<char>(2 << 5 | text.size());
    to += text;
  }
  static void Double(std::string& to, double value) {
    to += static_cast<char>(3 << 5 | 8);
    BigEndian(to, 8, std::bit_cast<uint64_t>(value));
  }
  static void Number(std::string& to, int type, int bytes, uint64_t value) {
    to += static_cast<char>(type <= 7 ? type << 5 | bytes : bytes);
    if (type > 7) to += static_cast<char>(type - 7);
    BigEndian(to, bytes, value);
  }

  MillionNetworks& out_;
  net::Xoshiro random_;
  std::vector<std::array<uint32_t, 2>> nodes_;
  std::vector<uint32_t> towns_;  // offsets in data_
  std::string data_, metadata_;
};

MillionNetworks::MillionNetworks() {
  path_ = (std::filesystem::temp_directory_path() / "meridian-bench-XXXXXX").string();
  const int fd = ::mkstemp(path_.data());
  MERIDIAN_CHECK(fd >= 0);
  ::close(fd);
  Writer(*this).Write(path_);
  MERIDIAN_CHECK(v4_.size() >= 1'000'000);
}

MillionNetworks::~MillionNetworks() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

const MillionNetworks& MillionNetworks::Get() {
  static const MillionNetworks networks;
  return networks;
}

std::shared_ptr<const geo::Locator> MillionNetworks::locator() const {
  static const std::shared_ptr<const geo::Locator> shared = [this] {
    auto database = geo::Database::Open(path_);
    MERIDIAN_CHECK(database.has_value());
    geo::Locator::Input input;
    input.databases.push_back(std::move(*database));
    return *geo::Locator::Build(std::move(input));
  }();
  return shared;
}

std::vector<net::IpAddress> MillionNetworks::Clients(const std::vector<net::Prefix>& networks,
                                                     size_t count, Spread spread) {
  net::Xoshiro random(42);
  std::vector<net::IpAddress> clients;
  while (clients.size() < count) {
    uint64_t draw = random.Next();
    // A rank n with a chance in proportion to 1/n is, to a whole, the size to a uniform power.
    if (spread == Spread::kZipf)
      draw = Mix(static_cast<uint64_t>(std::pow(static_cast<double>(networks.size()), Unit(draw))));
    const net::Prefix& network = networks[draw % networks.size()];
    std::array<uint8_t, 16> bytes = network.ip().bytes();
    const int bits = network.ip().bits();
    for (int bit = network.length(); bit < bits; ++bit) {
      if (random.Next() % 2 != 0) bytes[bit / 8] |= static_cast<uint8_t>(1 << (7 - bit % 8));
    }
    const uint32_t v4 =
        static_cast<uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
    clients.push_back(bits == 32 ? net::IpAddress::V4(v4) : net::IpAddress::V6(bytes));
  }
  return clients;
}

}  // namespace meridian::bench
