// The files under conf/: each loads, example.yaml has every key, the JSON Schema is the table's.
// To write conf/meridian.schema.json anew after a change of the table, run these tests with
// MERIDIAN_UPDATE=1 in the environment.
#include "config/document.h"
#include "config/keys.h"
#include "unit/config/loading.h"

#include <cstdlib>
#include <random>
#include <set>

namespace meridian::config {
namespace {

std::vector<std::filesystem::path> Examples() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kConf)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Paths of the table that this tree has: what stands under a name or in a list counts as "*", "[]".
void Collect(const Node& node, const Spec& spec, std::set<std::string_view>& seen) {
  seen.insert(spec.key->path);
  if (node.is_scalar() && spec.key->Has(kShorthand)) seen.insert(spec.children[0].key->path);
  if (node.is_scalar() && spec.key->type == Type::kList) Collect(node, spec.entry(), seen);
  for (size_t i = 0; i < node.items.size(); ++i) {
    const Spec* const child = node.is_map() ? spec.Find(node.keys[i].text) : &spec.entry();
    if (child != nullptr) Collect(node.items[i], *child, seen);
  }
}

TEST(Conf, EveryFileLoads) {
  ASSERT_GE(Examples().size(), 6u);
  const Folder folder;  // where https.yaml has its certificates
  for (const char* name : {"app.pem", "app.key", "app-rsa.pem", "app-rsa.key", "app.ocsp",
                           "tickets.key", "clients.pem", "backends.pem", "us.pem", "us.key"}) {
    folder.Write(name, "the snapshot reads what is in it");
  }
  const auto environment = [&](std::string_view name) {
    return name == "TLS" ? std::optional(folder.Path("")) : std::nullopt;
  };
  for (const std::filesystem::path& file : Examples()) {
    const Loaded loaded = LoadFile(file.string(), environment);
    EXPECT_EQ(loaded.errors(), 0u) << testing::PrintToString(Lines(loaded));
    const bool is_small = file.filename() == "minimal.yaml";
    EXPECT_EQ(loaded.warnings(), is_small ? 2u : 0u) << testing::PrintToString(Lines(loaded));
  }
}

TEST(Conf, TheExampleHasEverySupportedKeyAndNamesTheOthers) {
  const std::string text = ReadWhole(kConf / "example.yaml");
  Report report;
  uint64_t nodes = 0;
  const auto root = ParseYaml(text, report.AddFile("example.yaml"), nodes, report);
  ASSERT_TRUE(root);
  std::set<std::string_view> seen;
  Collect(*root, RootSpec(), seen);
  // What needs files to be there has an example of its own.
  const auto https =
      ParseYaml(ReadWhole(kConf / "https.yaml"), report.AddFile("https.yaml"), nodes, report);
  ASSERT_TRUE(https);
  std::set<std::string_view> seen_there;
  Collect(*https, RootSpec(), seen_there);
  for (const std::string_view path : seen_there) {
    if (path.find(".tls.") != path.npos) seen.insert(path);
  }
  // What is for PostgreSQL alone stands where a database is.
  const auto database = ParseYaml(ReadWhole(kConf / "disaster-recovery.yaml"),
                                  report.AddFile("disaster-recovery.yaml"), nodes, report);
  ASSERT_TRUE(database);
  Collect(*database, RootSpec(), seen);
  // Empty lists in the example: their entries are files.
  seen.insert({"include", "include[]", "geo.databases[]"});
  const size_t known = text.find("# Known, not supported yet:");
  const std::string later = known == text.npos ? std::string() : text.substr(known);
  std::string_view above = "-";
  for (const Key& key : Keys()) {
    if (key.path.starts_with(std::string(above) + ".") ||
        key.path.starts_with(std::string(above) + "[")) {
      continue;
    }
    if (!key.Has(kLater)) {
      EXPECT_TRUE(seen.contains(key.path)) << key.path;
      continue;
    }
    above = key.path;
    const std::string name(key.path.substr(key.path.rfind('.') + 1));
    EXPECT_NE(later.find(name), std::string::npos) << key.path;
  }
}

TEST(Conf, TheExampleNamesEveryWordThatIsNotSupportedYet) {
  const std::string text = ReadWhole(kConf / "example.yaml");
  for (const Key& key : Keys()) {
    for (const std::string_view word : SplitWords(key.later)) {
      EXPECT_NE(text.find(word), std::string::npos) << key.path << ": " << word;
    }
  }
}

TEST(JsonSchema, HasEveryKeyOfTheTable) {
  const std::string schema = JsonSchema();
  size_t descriptions = 0;
  for (size_t at = 0; (at = schema.find("\"description\": ", at)) != std::string::npos; ++at) {
    ++descriptions;
  }
  EXPECT_EQ(descriptions, Keys().size());
  for (const Key& key : Keys()) {
    EXPECT_NE(schema.find(std::string(key.description)), std::string::npos) << key.path;
  }
}

TEST(JsonSchema, IsTheFileUnderConf) {
  const std::filesystem::path file = kConf / "meridian.schema.json";
  if (std::getenv("MERIDIAN_UPDATE") != nullptr) std::ofstream(file) << JsonSchema();
  EXPECT_EQ(ReadWhole(file), JsonSchema())
      << "the table has changed: run again with MERIDIAN_UPDATE=1 to write the file anew";
}

std::string Mutate(std::string text, std::mt19937& random) {
  static constexpr std::string_view kPieces[] = {
      "[",  "]", "{", "}", ": ", "- ", "\n", "&a ", "*a", "!x ", "? ",   "|",     ">",
      "\"", "'", "#", "%", "\t", "${", "}",  "0",   "-1", "~",   "<<: ", "---\n", "\xff"};
  const int changes = 1 + static_cast<int>(random() % 8);
  for (int i = 0; i < changes && !text.empty(); ++i) {
    const size_t at = random() % text.size();
    const size_t length = random() % std::min<size_t>(text.size() - at, 40);
    switch (random() % 5) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, kPieces[random() % std::size(kPieces)]);
        break;
      case 3:
        text.insert(at, text.substr(random() % text.size(), length));
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

TEST(Mutations, OfGoodFilesAreLoadedOrRefusedWithAReason) {
  const uint32_t seed = 20'240'601;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (const std::filesystem::path& file : Examples()) {
    std::string text = ReadWhole(file);
    if (const size_t at = text.find("include: []"); at != text.npos) text.erase(at, 11);
    for (int i = 0; i < 150; ++i) {
      const std::string mutated = Mutate(text, random);
      const Loaded loaded = LoadText(mutated, "/nowhere/m.yaml", NoVariables);
      ASSERT_EQ(loaded.config.has_value(), loaded.errors() == 0) << mutated;
      for (const Diagnostic& diagnostic : loaded.diagnostics) {
        ASSERT_FALSE(diagnostic.message.empty()) << mutated;
        ASSERT_GE(diagnostic.line, 0) << mutated;
      }
    }
  }
}

}  // namespace
}  // namespace meridian::config
