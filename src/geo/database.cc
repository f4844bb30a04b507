// See database.h. Opening: copy the file, check its metadata, let libmaxminddb open it, then visit
// the tree depth first from the root. Each node is visited once; its height (longest way down)
// catches cycles and paths longer than an address, however nodes share subtrees. Each distinct
// record is checked and read when first met.
#include <meridian/base/format.h>
#include <meridian/base/time.h>
#include <meridian/geo/database.h>

#include "geo/database_contents.h"
#include "geo/file_copy.h"
#include "geo/record.h"
#include "geo/record_check.h"
#include "geo/sample_check.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace meridian::geo {

namespace {

constexpr std::string_view kMetadataMarker = "\xab\xcd\xefMaxMind.com";
constexpr size_t kMaxMetadataBytes = 128 * 1024;
constexpr size_t kSeparatorBytes = 16;  // zeros between tree and data
constexpr uint8_t kOpen = 255;          // a node's height while it is being visited

tl::unexpected<Error> Malformed(const char* context) {
  return Fail(ErrorCode::kMalformed, context);
}

// libmaxminddb's handle on one file.
class Handle {
 public:
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (is_open_) MMDB_close(&mmdb_);
  }

  Result<> Open(const std::string& path) {
    const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &mmdb_);
    is_open_ = status == MMDB_SUCCESS;
    if (is_open_) return {};
    switch (status) {
      case MMDB_FILE_OPEN_ERROR:
      case MMDB_IO_ERROR:
        return Fail(ErrorCode::kIo, "geo database: cannot be mapped");
      case MMDB_OUT_OF_MEMORY_ERROR:
        return Fail(ErrorCode::kTooLarge, "geo database: out of memory");
      case MMDB_UNKNOWN_DATABASE_FORMAT_ERROR:
        return Fail(ErrorCode::kUnsupported,
                    "geo database: a format version or record size we do not read");
      case MMDB_CORRUPT_SEARCH_TREE_ERROR:
        return Malformed("geo database: the search tree is corrupt");
      default:
        return Malformed("geo database: the metadata is wrong");
    }
  }
  const MMDB_s& mmdb() const { return mmdb_; }

 private:
  MMDB_s mmdb_{};
  bool is_open_ = false;
};

// Where the last metadata marker begins.
Result<size_t> FindMetadata(std::span<const uint8_t> bytes) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t from = all.size() - std::min(all.size(), kMaxMetadataBytes);
  const size_t at = all.substr(from).rfind(kMetadataMarker);
  if (at == std::string_view::npos) return Malformed("geo database: not a MaxMind DB file");
  return from + at;
}

Result<> CheckMetadata(std::span<const uint8_t> section) {
  RecordCheck check(section);
  const auto checked = check.Check(0);
  if (!checked) return checked;
  if (!check.IsMap(0)) return Malformed("geo database: the metadata is not a map");
  return {};
}

class TreeReader {
 public:
  // `data` is the data section of mmdb.
  TreeReader(const MMDB_s& mmdb, std::span<const uint8_t> data, Database::Contents& into);
  Result<> Read();

 private:
  Result<int> Visit(uint32_t node, int depth);
  Result<Trie::Ref> Child(uint64_t record, uint8_t type, const MMDB_entry_s& entry, int depth,
                          int& height);
  Result<uint32_t> RecordAt(uint32_t offset);
  void SplitIpv4();

  const MMDB_s& mmdb_;
  Database::Contents& into_;
  std::span<const uint8_t> data_;
  RecordCheck check_;
  int max_depth_;
  std::vector<uint8_t> heights_;
  std::unordered_map<uint32_t, uint32_t> values_;  // data offset → leaf value
};

TreeReader::TreeReader(const MMDB_s& mmdb, std::span<const uint8_t> data, Database::Contents& into)
    : mmdb_(mmdb),
      into_(into),
      data_(data),
      check_(data),
      max_depth_(mmdb.metadata.ip_version == 4 ? 32 : 128),
      heights_(mmdb.metadata.node_count) {}

Result<> TreeReader::Read() {
  into_.trie.nodes.assign(mmdb_.metadata.node_count, {Trie::kNone, Trie::kNone});
  into_.records.resize(1);
  const auto height = Visit(0, 0);
  if (!height) return tl::unexpected(height.error());
  SplitIpv4();
  return {};
}

// How far down the longest path from this node goes, in bits.
Result<int> TreeReader::Visit(uint32_t node, int depth) {
  if (heights_[node] == kOpen) return Malformed("geo database: the search tree has a cycle");
  if (heights_[node] != 0) {
    if (depth + heights_[node] > max_depth_)
      return Malformed("geo database: a path longer than an address");
    return heights_[node];
  }
  if (depth >= max_depth_) return Malformed("geo database: a path longer than an address");
  heights_[node] = kOpen;
  MMDB_search_node_s read;
  if (MMDB_read_node(&mmdb_, node, &read) != MMDB_SUCCESS) {
    return Malformed("geo database: the search tree is corrupt");
  }
  int height = 1;
  const auto left =
      Child(read.left_record, read.left_record_type, read.left_record_entry, depth, height);
  if (!left) return tl::unexpected(left.error());
  const auto right =
      Child(read.right_record, read.right_record_type, read.right_record_entry, depth, height);
  if (!right) return tl::unexpected(right.error());
  into_.trie.nodes[node] = {*left, *right};
  heights_[node] = static_cast<uint8_t>(height);
  return height;
}

Result<Trie::Ref> TreeReader::Child(uint64_t record, uint8_t type, const MMDB_entry_s& entry,
                                    int depth, int& height) {
  switch (type) {
    case MMDB_RECORD_TYPE_EMPTY:
      return Trie::kNone;
    case MMDB_RECORD_TYPE_SEARCH_NODE: {
      const auto below = Visit(static_cast<uint32_t>(record), depth + 1);
      if (!below) return tl::unexpected(below.error());
      height = std::max(height, *below + 1);
      return static_cast<Trie::Ref>(record);
    }
    case MMDB_RECORD_TYPE_DATA: {
      const auto value = RecordAt(entry.offset);
      if (!value) return tl::unexpected(value.error());
      if (*value != 0) ++into_.report.network_count;
      return Trie::Leaf(*value);
    }
    default:
      return Malformed("geo database: the search tree points nowhere");
  }
}

// The leaf value of the record at this offset of the data section; 0 when it says nothing of
// interest.
Result<uint32_t> TreeReader::RecordAt(uint32_t offset) {
  if (offset >= data_.size())
    return Malformed("geo database: the search tree points past the data");
  const auto [known, is_new] = values_.try_emplace(offset, 0);
  if (!is_new) return known->second;
  const auto checked = check_.Check(offset);
  if (!checked) return tl::unexpected(checked.error());
  if (!check_.IsMap(offset)) return 0;
  const Location location = ReadRecord({&mmdb_, offset}, into_.strings);
  if (!location.has_geography() && location.asn == 0) return 0;
  into_.report.has_coordinates |= location.has_coordinates;
  into_.report.has_country |= !location.country.empty();
  into_.report.has_city |= *location.city != '\0';
  into_.report.has_asn |= location.asn != 0;
  known->second = static_cast<uint32_t>(into_.records.size());
  into_.records.push_back(location);
  into_.records.back().origin = Origin::kDatabase;
  return known->second;
}

// IPv4 stands at ::/96 of an IPv6 tree, and writers alias other blocks to the same nodes. It
// becomes a tree of its own, cut off from the other.
void TreeReader::SplitIpv4() {
  Trie& trie = into_.trie;
  if (mmdb_.metadata.ip_version == 4) {
    trie.root4 = 0;
    return;
  }
  trie.root6 = 0;
  Trie::Ref ref = 0;
  for (int depth = 0; depth < 96 && !Trie::IsLeaf(ref); ++depth) ref = trie.nodes[ref][0];
  trie.root4 = ref;
  if (Trie::IsLeaf(ref)) return;
  for (Trie::Node& node : trie.nodes) {
    for (Trie::Ref& child : node) {
      if (child == ref) child = Trie::kNone;
    }
  }
}

std::string FormatEpoch(uint64_t seconds) {
  constexpr uint64_t kReadable = 10'000'000'000;  // the year 2286
  if (seconds > kReadable) return Format("at second {}", seconds);
  return FormatTime(WallTime(std::chrono::seconds(static_cast<int64_t>(seconds))));
}

}  // namespace

std::string DoubtAbout(const DatabaseReport& next, const DatabaseReport& running) {
  if (next.type != running.type)
    return Format("it is of type '{}', the running one of '{}'", next.type, running.type);
  if (next.build_epoch < running.build_epoch) {
    return Format("it was built {}, before the running one ({})", FormatEpoch(next.build_epoch),
                  FormatEpoch(running.build_epoch));
  }
  if (next.network_count < running.network_count / 2) {
    return Format("it has {} networks, fewer than half of the running one's {}", next.network_count,
                  running.network_count);
  }
  return {};
}

Result<Database> Database::Open(const std::string& path) {
  const auto file = FileCopy::Read(path, kMaxFileBytes);
  if (!file) return tl::unexpected(file.error());
  const auto bytes = file->bytes();
  const auto marker = FindMetadata(bytes);
  if (!marker) return tl::unexpected(marker.error());
  auto usable = CheckMetadata(bytes.subspan(*marker + kMetadataMarker.size()));
  Handle handle;
  if (usable) usable = handle.Open(file->path());
  if (!usable) return tl::unexpected(usable.error());

  const MMDB_metadata_s& metadata = handle.mmdb().metadata;
  const uint64_t tree_bytes = uint64_t{metadata.node_count} * (metadata.record_size / 4u);
  if (metadata.ip_version != 4 && metadata.ip_version != 6)
    return Malformed("geo database: no such IP version");
  if (metadata.node_count == 0) return Malformed("geo database: the search tree is empty");
  if (tree_bytes + kSeparatorBytes > *marker)
    return Malformed("geo database: more nodes than the file holds");

  auto contents = std::make_unique<Contents>();
  contents->report.path = path;
  contents->report.stamp = file->stamp();
  const std::string_view type = metadata.database_type == nullptr ? "" : metadata.database_type;
  contents->report.type = IsPrintable(type) ? type : "";
  contents->report.build_epoch = metadata.build_epoch;
  contents->report.ip_version = metadata.ip_version;
  contents->report.node_count = metadata.node_count;
  const auto data =
      bytes.subspan(tree_bytes + kSeparatorBytes, *marker - tree_bytes - kSeparatorBytes);
  const auto read = TreeReader(handle.mmdb(), data, *contents).Read();
  if (!read) return tl::unexpected(read.error());
  contents->report.record_count = static_cast<uint32_t>(contents->records.size() - 1);
  if (contents->report.record_count == 0) {
    return Fail(ErrorCode::kUnsupported,
                "geo database: no record has coordinates, a country, a continent or an ASN");
  }
  const auto compared = CheckSample(handle.mmdb(), *contents);
  if (!compared) return tl::unexpected(compared.error());
  return Database(std::move(contents));
}

Database::Database(std::unique_ptr<const Contents> contents) : contents_(std::move(contents)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Location Database::Lookup(const net::IpAddress& ip) const {
  const Trie::Found found = contents_->trie.Find(ip);
  if (found.value == 0) return {};
  Location location = contents_->records[found.value];
  location.source = 0;
  location.prefix_length = static_cast<uint8_t>(found.depth);
  return location;
}

const DatabaseReport& Database::report() const {
  return contents_->report;
}

}  // namespace meridian::geo
