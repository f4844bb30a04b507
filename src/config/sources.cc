// Reading, including, merging. Files are read depth first in the order they are named, a glob's in
// the order of their names, so that the same files always give the same tree.
#include "config/sources.h"

#include "config/environment.h"
#include "config/validate.h"

#include <meridian/base/descriptor.h>
#include <meridian/base/format.h>

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace meridian::config {
namespace fs = std::filesystem;

namespace {

std::string CannotRead(int error) {
  return Format("cannot be read ({})", std::strerror(error));
}

// The files a pattern names, sorted; at most kMaxIncludes + 1.
std::vector<std::string> Matches(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc && i <= kMaxIncludes; ++i) {
      paths.emplace_back(found.gl_pathv[i]);
    }
  }
  globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

size_t CountKeys(const Node& map, std::string_view name) {
  return static_cast<size_t>(std::count_if(map.keys.begin(), map.keys.end(),
                                           [&](const Node& key) { return key.text == name; }));
}

fs::path Absolute(const fs::path& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  return (error ? path : absolute).lexically_normal();
}

bool IsPattern(std::string_view path) {
  return path.find_first_of("*?[") != path.npos;
}

}  // namespace

FileText ReadFile(const std::string& path) {
  // A pipe or a device must neither block us nor feed us for ever.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return {{}, CannotRead(errno)};
  if (!S_ISREG(status.st_mode)) return {{}, "is not a regular file"};
  std::string text;
  std::array<char, 65536> block;
  while (text.size() <= kMaxFileBytes) {
    const ssize_t count = read(file.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return {{}, CannotRead(errno)};
    if (count == 0) return {std::move(text), {}};
    text.append(block.data(), static_cast<size_t>(count));
  }
  return {{}, Format("is larger than {} MiB", kMaxFileBytes >> 20)};
}

Node Sources::LoadMain(const std::string& path) {
  return LoadOne(path, {});
}

Node Sources::LoadMainText(std::string_view yaml, const std::string& name) {
  open_.push_back(Absolute(name));
  loaded_.insert(open_.back());
  return Parse(yaml, name);
}

Node Sources::LoadOne(const std::string& path, Spot from) {
  FileText file = ReadFile(path);
  if (!file.problem.empty()) {
    if (report_.files().empty()) {
      report_.Error({report_.AddFile(path), 0, 0}, file.problem);
    } else {
      report_.Error(from, Format("include: {} {}", Quote(path), file.problem));
    }
    return {};
  }
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);
  open_.push_back(error ? fs::path(path) : canonical);
  loaded_.insert(open_.back());
  Node root = Parse(file.text, path);
  open_.pop_back();
  return root;
}

Node Sources::Parse(std::string_view yaml, const std::string& name) {
  const uint32_t file = report_.AddFile(name);
  if (yaml.size() > kMaxFileBytes) {
    report_.Error({file, 0, 0}, Format("is larger than {} MiB", kMaxFileBytes >> 20));
    return {};
  }
  std::optional<Node> root = ParseYaml(yaml, file, nodes_, report_);
  if (!root) return {};
  ExpandEnvironment(*root, environment_);
  return WithIncludes(std::move(*root), file);
}

Node Sources::WithIncludes(Node root, uint32_t file) {
  Node* const include = root.Find("include");
  if (include == nullptr) return root;
  Validate(*include, *RootSpec().Find("include"), "include", include->place, report_);
  Node patterns = std::move(*include);
  for (size_t i = root.keys.size(), left = CountKeys(root, "include"); i-- > 0;) {
    if (root.keys[i].text != "include") continue;
    if (left-- > 1) report_.Error(root.keys[i].place, "include: duplicate key");
    root.keys.erase(root.keys.begin() + static_cast<ptrdiff_t>(i));
    root.items.erase(root.items.begin() + static_cast<ptrdiff_t>(i));
  }
  const std::string folder = Folder(file);
  if (patterns.is_scalar() && patterns.valid) Include(patterns, folder, root);
  for (const Node& pattern : patterns.items) {
    if (pattern.valid) Include(pattern, folder, root);
  }
  return root;
}

void Sources::Include(const Node& pattern, const std::string& folder, Node& into) {
  const std::string path = fs::path(folder) / pattern.text;
  if (!IsPattern(pattern.text)) return IncludeFile(path, pattern.place, into);
  for (const std::string& match : Matches(path)) IncludeFile(match, pattern.place, into);
}

void Sources::IncludeFile(const std::string& path, Spot from, Node& into) {
  if (!IsAllowed(path, from)) return;
  Node fragment = LoadOne(path, from);
  if (fragment.kind == Node::Kind::kNull) return;
  if (!fragment.is_map()) {
    report_.Error(fragment.place, "the file: a map was expected");
  } else {
    Merge(into, std::move(fragment), RootSpec(), "");
  }
}

bool Sources::IsAllowed(const std::string& path, Spot from) {
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);
  if (error) return true;  // LoadOne says why it cannot be read
  if (std::find(open_.begin(), open_.end(), canonical) != open_.end()) {
    report_.Error(from, Format("include: {} includes itself", Quote(path)));
    return false;
  }
  if (loaded_.contains(canonical)) {
    report_.Error(from, Format("include: {} is included already", Quote(path)));
    return false;
  }
  if (loaded_.size() > kMaxIncludes) {
    if (!too_many_) report_.Error(from, Format("include: more than {} files", kMaxIncludes));
    too_many_ = true;
    return false;
  }
  if (open_.size() > kMaxIncludeDepth) {
    report_.Error(from, Format("include: nested deeper than {} files", kMaxIncludeDepth));
    return false;
  }
  return true;
}

// `from` may not give again what `into` has, unless both are maps that the table lets be merged.
void Sources::Merge(Node& into, Node&& from, const Spec& spec, const std::string& path) {
  std::unordered_map<std::string, size_t> index;
  for (size_t i = 0; i < into.keys.size(); ++i) index.emplace(into.keys[i].text, i);
  for (size_t i = 0; i < from.keys.size(); ++i) {
    const auto found = index.find(from.keys[i].text);
    if (found == index.end()) {
      into.keys.push_back(std::move(from.keys[i]));
      into.items.push_back(std::move(from.items[i]));
      continue;
    }
    Node& mine = into.items[found->second];
    Node& theirs = from.items[i];
    const Spec* const child = spec.Find(from.keys[i].text);
    const std::string child_path = JoinPath(path, Printable(from.keys[i].text));
    const bool mergeable = child != nullptr && child->key->Has(kMergeable);
    if (mergeable && mine.is_map() && theirs.is_map()) {
      Merge(mine, std::move(theirs), *child, child_path);
    } else if (mergeable && mine.kind == Node::Kind::kNull) {
      mine = std::move(theirs);
    } else if (!mergeable || theirs.kind != Node::Kind::kNull) {
      report_.Error(from.keys[i].place, Format("{}: already defined at {}", child_path,
                                               report_.ToString(into.keys[found->second].place)));
    }
  }
}

std::string Sources::Folder(uint32_t file) const {
  return fs::path(report_.files()[file]).parent_path().string();
}

std::string Sources::Resolve(uint32_t file, std::string_view path) const {
  return Absolute(fs::path(Folder(file)) / path).string();
}

}  // namespace meridian::config
