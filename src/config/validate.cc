// A walk over tree and table together, as deep as the table. Inside a key that is not supported
// yet the shape is still judged, so that a typo there does not wait for a later release.
#include "config/validate.h"

#include "config/values.h"

#include <meridian/base/format.h>
#include <meridian/net/address.h>

#include <unordered_map>

namespace meridian::config {
namespace {

class Validator {
 public:
  explicit Validator(Report& report) : report_(report) {}

  void Check(Node& node, const Spec& spec, const std::string& path, Spot at) {
    const Key& key = *spec.key;
    if (node.broken) {
      report_.Error(node.place, Format("{}: {}", path, node.text));
      return;
    }
    if (key.Has(kLater) && !later_) {
      if (node.is_scalar() && !key.fallback.empty() && node.text == key.fallback) return;
      Refuse(node, key, path, at);
      later_ = true;
      CheckShape(node, spec, path, at);
      later_ = false;
      node.valid = false;
      return;
    }
    CheckShape(node, spec, path, at);
  }

 private:
  void Refuse(const Node& node, const Key& key, const std::string& path, Spot at) {
    if (node.is_scalar() && !key.fallback.empty()) {
      report_.Error(node.place, Format("{}: {} is not supported yet; expected {}", path,
                                       Printable(node.text), key.fallback));
    } else {
      report_.Error(at, Format("{}: this key is not supported yet", path));
    }
  }

  void CheckShape(Node& node, const Spec& spec, const std::string& path, Spot at) {
    switch (spec.key->type) {
      case Type::kMap:
        return CheckMap(node, spec, path, at);
      case Type::kNames:
        return CheckNames(node, spec, path);
      case Type::kList:
        return CheckList(node, spec, path);
      default:
        return CheckScalar(node, spec, path);
    }
  }

  void CheckScalar(Node& node, const Spec& spec, const std::string& path) {
    if (!node.is_scalar()) return WrongShape(node, spec, path);
    const auto problem = Problem(*spec.key, node.text);
    if (problem) report_.Error(node.place, Format("{}: {}", path, *problem));
    node.valid = !problem;
  }

  void CheckMap(Node& node, const Spec& spec, const std::string& path, Spot at) {
    if (node.is_scalar() && spec.key->Has(kShorthand)) {
      CheckScalar(node, spec.children.front(), path);
      return;
    }
    if (node.is_scalar() && !spec.key->words.empty()) {
      const auto words = SplitWords(spec.key->words);
      node.valid = std::find(words.begin(), words.end(), node.text) != words.end();
      if (node.valid || later_) return;
    }
    if (node.kind != Node::Kind::kNull && !node.is_map()) return WrongShape(node, spec, path);
    node.valid = true;
    CheckDuplicates(node, path);
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const Spec* const child = spec.Find(node.keys[i].text);
      if (child == nullptr) {
        Unknown(node.keys[i], spec, path);
      } else {
        Check(node.items[i], *child, JoinPath(path, child->name), node.keys[i].place);
      }
    }
    for (const Spec& child : spec.children) {
      if (child.key->Has(kRequired) && node.Find(child.name) == nullptr) {
        report_.Error(at,
                      Format("{}: is required{}", JoinPath(path, child.name), Expectation(child)));
      }
    }
  }

  void CheckNames(Node& node, const Spec& spec, const std::string& path) {
    if (node.kind != Node::Kind::kNull && !node.is_map()) return WrongShape(node, spec, path);
    node.valid = true;
    CheckDuplicates(node, path);
    for (size_t i = 0; i < node.keys.size(); ++i) {
      Node& name = node.keys[i];
      name.valid = IsGoodName(name, *spec.key, path) && name.valid;
      Check(node.items[i], spec.entry(), JoinPath(path, Printable(name.text)), name.place);
    }
  }

  void CheckList(Node& node, const Spec& spec, const std::string& path) {
    if (node.is_scalar() && TakesScalar(spec.entry())) {
      Check(node, spec.entry(), path, node.place);
      return;
    }
    if (!node.is_list()) return WrongShape(node, spec, path);
    node.valid = true;
    if (node.items.empty() && spec.key->Has(kNonEmpty)) {
      report_.Error(node.place, Format("{}: an empty list; expected at least one entry", path));
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
      Node& item = node.items[i];
      Check(item, spec.entry(), Format("{}[{}]", path, i), item.place);
    }
  }

  static bool TakesScalar(const Spec& entry) {
    const Type type = entry.key->type;
    if (entry.key->Has(kShorthand)) return true;
    return type != Type::kMap && type != Type::kNames && type != Type::kList;
  }

  bool IsGoodName(const Node& name, const Key& map, const std::string& path) {
    Key key{.path = map.path, .type = Type::kName, .description = {}};
    if (map.Has(kPrefixNames)) key.type = Type::kPrefix;
    if (map.Has(kHeaderNames)) key.type = Type::kToken;
    const auto problem = Problem(key, name.text);
    if (problem) report_.Error(name.place, Format("{}: {}", path, *problem));
    return !problem;
  }

  // Of each name the first one counts; the others are reported and not valid.
  void CheckDuplicates(Node& node, const std::string& path) {
    std::unordered_map<std::string_view, Spot> seen;
    for (Node& key : node.keys) {
      const auto [at, is_new] = seen.emplace(key.text, key.place);
      key.valid = is_new;
      if (is_new) continue;
      report_.Error(key.place,
                    Format("{}: duplicate key, first given at {}",
                           JoinPath(path, Printable(key.text)), report_.ToString(at->second)));
    }
  }

  void Unknown(const Node& key, const Spec& spec, const std::string& path) {
    std::vector<std::string_view> known;
    for (const Spec& child : spec.children) known.push_back(child.name);
    std::string hint = DidYouMean(key.text, known);
    if (hint.empty()) hint = Format("; expected {}", Alternatives(known));
    report_.Error(key.place,
                  Format("{}: unknown key{}", JoinPath(path, Printable(key.text)), hint));
  }

  void WrongShape(const Node& node, const Spec& spec, const std::string& path) {
    static constexpr std::string_view kShapes[] = {"nothing", "", "a list", "a map"};
    const std::string found =
        node.is_scalar() ? Quote(node.text) : std::string(kShapes[static_cast<int>(node.kind)]);
    report_.Error(node.place,
                  Format("{}: {} where {} was expected",
                         path.empty() ? std::string("the file") : path, found, Noun(*spec.key)));
  }

  static std::string Expectation(const Spec& spec) {
    const Type type = spec.key->type;
    if (type == Type::kMap || type == Type::kNames) return {};
    return ": " + Noun(type == Type::kList ? *spec.entry().key : *spec.key);
  }

  Report& report_;
  bool later_ = false;  // inside a key that is not supported yet
};

}  // namespace

void Validate(Node& node, const Spec& spec, const std::string& path, Spot at, Report& report) {
  Validator(report).Check(node, spec, path, at);
}

std::string JoinPath(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

}  // namespace meridian::config
