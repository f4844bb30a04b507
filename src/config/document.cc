// From yaml-cpp's events to a tree of Nodes. The stack is explicit; yaml-cpp's own recursion is
// bounded by its depth guard, and ours far below that.
#include "config/document.h"

#include <meridian/base/format.h>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_map>

namespace meridian::config {
namespace {

// A bound was passed, or something that YAML allows and we do not. Caught in ParseYaml.
class Refused : public YAML::ParserException {
 public:
  using YAML::ParserException::ParserException;
};

class Builder : public YAML::EventHandler {
 public:
  Builder(uint32_t file, uint64_t& nodes) : file_(file), nodes_(nodes) {}

  Node Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Finish(Make(Node::Kind::kNull, mark), anchor, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = Make(Node::Kind::kScalar, mark);
    node.text = value;
    Finish(std::move(node), anchor, mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refused(mark, "an alias inside the very node it names");
    Add(Copy(found->second, mark, static_cast<int>(open_.size())), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Make(Node::Kind::kList, mark), anchor, mark);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Make(Node::Kind::kMap, mark), anchor, mark);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor;
    YAML::Mark mark;
  };

  void Count(const YAML::Mark& mark) {
    if (++nodes_ > kMaxNodes) {
      throw Refused(mark, Format("more than {} values, aliases expanded", kMaxNodes));
    }
  }
  Node Make(Node::Kind kind, const YAML::Mark& mark) {
    Count(mark);
    Node node;
    node.kind = kind;
    node.place = {file_, mark.line + 1, mark.column + 1};
    return node;
  }
  // The copy keeps the places of the original: that is where a wrong value is to be put right.
  Node Copy(const Node& from, const YAML::Mark& mark, int depth) {
    if (depth >= kMaxDepth) throw Refused(mark, TooDeep());
    Count(mark);
    Node node;
    node.kind = from.kind;
    node.place = from.place;
    node.text = from.text;
    node.keys = from.keys;
    nodes_ += from.keys.size();
    for (const Node& item : from.items) node.items.push_back(Copy(item, mark, depth + 1));
    return node;
  }
  static std::string TooDeep() { return Format("nested deeper than {} levels", kMaxDepth); }

  void Open(Node node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (open_.size() >= kMaxDepth) throw Refused(mark, TooDeep());
    open_.push_back({std::move(node), anchor, mark});
  }
  void Close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    Finish(std::move(frame.node), frame.anchor, frame.mark);
  }
  void Finish(Node node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != YAML::NullAnchor) {
      anchors_[anchor] = Copy(node, mark, static_cast<int>(open_.size()));
    }
    Add(std::move(node), mark);
  }
  void Add(Node node, const YAML::Mark& mark) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Node& parent = open_.back().node;
    if (parent.is_map() && parent.keys.size() == parent.items.size()) {
      if (!node.is_scalar()) throw Refused(mark, "a key that is not a plain name");
      parent.keys.push_back(std::move(node));
      return;
    }
    // An absent value has no place of its own; its key's is where it is missing.
    if (parent.is_map() && node.kind == Node::Kind::kNull) node.place = parent.keys.back().place;
    parent.items.push_back(std::move(node));
  }

  const uint32_t file_;
  uint64_t& nodes_;
  Node root_;
  std::vector<Frame> open_;
  std::unordered_map<YAML::anchor_t, Node> anchors_;
};

// yaml-cpp takes some control characters for the end of the file; what stands behind one would be
// ignored in silence. False after reporting.
bool IsPlainText(std::string_view text, uint32_t file, Report& report) {
  Spot place{file, 1, 1};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f) {
      report.Error(place, Format("not valid YAML: control character 0x{:02x}", byte));
      return false;
    }
    if (c == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return true;
}

Node EmptyRoot(uint32_t file) {
  Node root;
  root.place = {file, 1, 1};
  return root;
}

}  // namespace

const Node* Node::Find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &items[i];
  }
  return nullptr;
}

Node* Node::Find(std::string_view key) {
  return const_cast<Node*>(static_cast<const Node*>(this)->Find(key));
}

std::optional<Node> ParseYaml(std::string_view text, uint32_t file, uint64_t& nodes,
                              Report& report) {
  if (!IsPlainText(text, file, report)) return std::nullopt;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(file, nodes);
    if (!parser.HandleNextDocument(builder)) return EmptyRoot(file);
    Node root = builder.Take();
    Builder second(file, nodes);
    if (parser.HandleNextDocument(second)) {
      report.Error(second.Take().place, "a second document in one file; expected exactly one");
      return std::nullopt;
    }
    return root;
  } catch (const Refused& refused) {
    report.Error({file, refused.mark.line + 1, refused.mark.column + 1}, refused.msg);
  } catch (const YAML::Exception& wrong) {
    report.Error({file, wrong.mark.line + 1, wrong.mark.column + 1},
                 "not valid YAML: " + Printable(wrong.msg));
  }
  return std::nullopt;
}

}  // namespace meridian::config
