// Files: includes, merging, the environment, paths, and bounds.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

constexpr std::string_view kMain =
    "listeners: {l: {bind: '0.0.0.0:80', service: web}}\n"
    "services: {web: {}}\n";

std::string Site(const std::string& name) {
  return "regions: {r: {sites: {" + name +
         ": {latitude: 1, longitude: 1, services: {web: ['10.0.0.1:80', '10.0.0.2:80']}}}}}\n";
}

TEST(Sources, FragmentsMergeByName) {
  const Folder folder;
  folder.Write("sites/a.yaml", Site("a"));
  folder.Write("sites/b.yaml", Site("b"));
  folder.Write("more/c.yaml", "include: c2.yaml\n");
  folder.Write("more/c2.yaml", Site("c"));
  const std::string main = folder.Write(
      "m.yaml", "include: [sites/*.yaml, more/c.yaml, none/*.yaml]\n" + std::string(kMain));
  const Loaded loaded = LoadFile(main, NoVariables);
  EXPECT_EQ(Lines(loaded), Expected{});
  ASSERT_TRUE(loaded.config);
  ASSERT_EQ(loaded.config->topology.sites.size(), 3u);
  EXPECT_EQ(loaded.config->topology.sites[2].name, "c");
  EXPECT_EQ(loaded.files, (Expected{main, folder.Path("sites/a.yaml"), folder.Path("sites/b.yaml"),
                                    folder.Path("more/c.yaml"), folder.Path("more/c2.yaml")}));
}

TEST(Sources, ACollisionNamesBothPlaces) {
  const Folder folder;
  folder.Write("a.yaml", Site("a"));
  folder.Write("b.yaml", Site("b") + "services: {web: {panic: route}}\n");
  folder.Write("c.yaml", Site("a"));
  const std::string main =
      folder.Write("m.yaml", "include: [a.yaml, b.yaml, c.yaml]\n" + std::string(kMain));
  const Loaded loaded = LoadFile(main, NoVariables);
  EXPECT_FALSE(loaded.config);
  Expected errors;
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity == Diagnostic::Severity::kError)
      errors.push_back(diagnostic.ToString());
  }
  EXPECT_EQ(
      errors,
      (Expected{folder.Path("b.yaml") + ":2:12: error: services.web: already defined at " + main +
                    ":3:12",
                folder.Path("c.yaml") + ":1:23: error: regions.r.sites.a: already defined at " +
                    folder.Path("a.yaml") + ":1:23"}));
}

TEST(Sources, MistakesInFragmentsCarryTheirFile) {
  const Folder folder;
  const std::string site = folder.Write("sites/a.yaml",
                                        "regions: {r: {sites: {a: {latitude: 1, "
                                        "longitude: 196.797}}}}\n");
  const Loaded loaded =
      LoadFile(folder.Write("m.yaml", "include: sites/a.yaml\n" + std::string(kMain)), NoVariables);
  ASSERT_EQ(loaded.errors(), 2u);
  EXPECT_EQ(Lines(loaded)[1], site +
                                  ":1:51: error: regions.r.sites.a.longitude: 196.797 is outside "
                                  "−180…180");
}

TEST(Sources, CyclesRepetitionsAndMissingFilesAreErrors) {
  const Folder folder;
  folder.Write("a.yaml", "include: m.yaml\n" + Site("a"));
  folder.Write("b.yaml", Site("b"));
  folder.Write("c.yaml", Site("c"));
  const std::string main = folder.Write(
      "m.yaml", "include: [a.yaml, b.yaml, b.yaml, gone.yaml, c.yaml]\n" + std::string(kMain));
  EXPECT_EQ(
      Lines(LoadFile(main, NoVariables)),
      (Expected{main + ":1:27: error: include: '" + folder.Path("b.yaml") + "' is included already",
                main + ":1:35: error: include: '" + folder.Path("gone.yaml") +
                    "' cannot be read (No such file or directory)",
                folder.Path("a.yaml") + ":1:10: error: include: '" + main + "' includes itself"}));
}

TEST(Sources, NestingOfIncludesIsBounded) {
  const Folder folder;
  for (int i = 0; i < 40; ++i) {
    folder.Write("f" + std::to_string(i) + ".yaml",
                 "include: f" + std::to_string(i + 1) + ".yaml\n");
  }
  const Loaded loaded = LoadFile(folder.Path("f0.yaml"), NoVariables);
  ASSERT_GE(loaded.errors(), 1u);
  EXPECT_NE(loaded.diagnostics.back().message.find("nested deeper than 16 files"),
            std::string::npos);
  EXPECT_LT(loaded.files.size(), 20u);
}

TEST(Sources, TheNumberOfIncludesIsBounded) {
  const Folder folder;
  for (int i = 0; i < 1005; ++i) folder.Write("d/f" + std::to_string(i) + ".yaml", "{}\n");
  const Loaded loaded =
      LoadFile(folder.Write("m.yaml", "include: d/*.yaml\n" + std::string(kMain)), NoVariables);
  EXPECT_EQ(loaded.files.size(), 1001u);
  EXPECT_EQ(Lines(loaded)[0],
            folder.Path("m.yaml") + ":1:10: error: include: more than 1000 files");
}

TEST(Sources, AFileThatCannotBeReadIsOneError) {
  EXPECT_EQ(Lines(LoadFile("/nowhere/m.yaml", NoVariables)),
            Expected{"/nowhere/m.yaml: error: cannot be read (No such file or directory)"});
  EXPECT_EQ(Lines(LoadFile("/", NoVariables)), Expected{"/: error: is not a regular file"});
  EXPECT_EQ(Lines(LoadFile("/dev/zero", NoVariables)),
            Expected{"/dev/zero: error: is not a regular file"});
}

TEST(Sources, AFileThatIsTooLargeIsRefused) {
  const std::string large(16 * 1024 * 1024 + 1, '#');
  EXPECT_EQ(Lines(LoadText(large, "m.yaml", NoVariables)),
            Expected{"m.yaml: error: is larger than 16 MiB"});
  const Folder folder;
  const std::string file = folder.Write("m.yaml", large);
  EXPECT_EQ(Lines(LoadFile(file, NoVariables)), Expected{file + ": error: is larger than 16 MiB"});
}

TEST(Sources, PathsAreRelativeToTheFileThatNamesThem) {
  const Folder folder;
  folder.Write("x/city.mmdb", "x");
  folder.Write("x/geo.yaml", "geo: {databases: city.mmdb}\nadmin: {socket: ../a.sock}\n");
  for (const char* const site : {"a", "b", "c"})
    folder.Write(site + std::string(".yaml"), Site(site));
  const Loaded loaded = LoadFile(
      folder.Write("m.yaml", "include: [x/*.yaml, '?.yaml', a.yaml]\n" + std::string(kMain)),
      NoVariables);
  EXPECT_FALSE(loaded.config);  // '?.yaml' names the main file too
  const Loaded right =
      LoadFile(folder.Write("m.yaml", "include: [x/*.yaml, '[a-c].yaml']\n" + std::string(kMain)),
               NoVariables);
  EXPECT_EQ(Lines(right), Expected{});
  ASSERT_TRUE(right.config);
  EXPECT_EQ(right.config->geo.databases, Expected{folder.Path("x/city.mmdb")});
  EXPECT_EQ(right.config->admin.socket, folder.Path("a.sock"));
}

std::optional<std::string> SomeVariables(std::string_view name) {
  if (name == "PORT") return "8080";
  if (name == "EMPTY") return "";
  if (name == "TRICK") return "x, panic: reject";
  return std::nullopt;
}

Loaded LoadWith(const std::string& keys) {
  return LoadText(std::string(kBase) + keys, "m.yaml", SomeVariables);
}

TEST(EnvironmentVariables, AreReplacedInValues) {
  const Loaded loaded = LoadWith(
      "admin: {http: \"127.0.0.1:${PORT}\"}\n"
      "log: {level: \"${LEVEL:-warn}\", format: \"${EMPTY:-json}\"}\n");
  EXPECT_EQ(Lines(loaded), Expected{});
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->admin.http->ToString(), "127.0.0.1:8080");
  EXPECT_EQ(loaded.config->log.level, log::Level::kWarn);
  EXPECT_TRUE(loaded.config->log.json);
}

TEST(EnvironmentVariables, ThatAreNotSetAreErrors) {
  EXPECT_EQ(
      Lines(LoadWith("admin: {http: '127.0.0.1:${PROT}'}\n")),
      Expected{"m.yaml:9:15: error: admin.http: environment variable PROT is not set; set it, "
               "or write ${PROT:-default}"});
  EXPECT_EQ(Lines(LoadWith("admin: {http: '${PORT'}\n")),
            Expected{"m.yaml:9:15: error: admin.http: ${PORT: '${' without its '}'"});
  EXPECT_EQ(Lines(LoadWith("admin: {http: '${A B}'}\n")),
            Expected{"m.yaml:9:15: error: admin.http: 'A B' is not the name of an environment "
                     "variable"});
}

TEST(EnvironmentVariables, CannotChangeTheStructure) {
  EXPECT_EQ(
      Lines(LoadWith("log: {level: '${TRICK}'}\n")),
      Expected{"m.yaml:9:14: error: log.level: 'x, panic: reject' is not a log level; expected "
               "trace, debug, info, warn or error"});
}

TEST(EnvironmentVariables, AreBounded) {
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += "${PORT}";
  EXPECT_EQ(Lines(LoadWith("log: {level: '" + many + "'}\n")),
            Expected{"m.yaml:9:14: error: log.level: a value longer than 65536 bytes"});
}

}  // namespace
}  // namespace meridian::config
