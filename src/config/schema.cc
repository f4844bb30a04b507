// The table as JSON Schema, for editors. Every scalar may instead be a text with ${NAME} in it; a
// list may be a lone scalar; a null stands for an empty map. What is not supported yet is described
// as such; words that are not are left out.
#include <meridian/config/load.h>

#include "config/keys.h"
#include "config/values.h"

#include <meridian/base/format.h>

namespace meridian::config {
namespace {

std::string JsonText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// Objects and arrays, indented; the caller keeps them balanced.
class Writer {
 public:
  void Open(char bracket) {
    out_ += bracket;
    ++depth_;
    first_ = true;
  }
  void Close(char bracket) {
    --depth_;
    if (!first_) NewLine();
    out_ += bracket;
    first_ = false;
  }
  // Starts an entry of an array.
  void Entry() {
    if (!first_) out_ += ',';
    NewLine();
    first_ = false;
  }
  void Name(std::string_view name) {
    Entry();
    out_ += JsonText(name) + ": ";
  }
  void Raw(std::string_view json) { out_ += json; }
  void Text(std::string_view name, std::string_view value) {
    Name(name);
    out_ += JsonText(value);
  }
  void Field(std::string_view name, std::string_view json) {
    Name(name);
    out_ += json;
  }
  std::string Take() { return out_ + "\n"; }

 private:
  void NewLine() {
    out_ += '\n';
    out_.append(static_cast<size_t>(depth_) * 2, ' ');
  }
  std::string out_;
  int depth_ = 0;
  bool first_ = true;
};

std::string Words(std::string_view words) {
  std::string out;
  for (const std::string_view word : SplitWords(words)) {
    out += (out.empty() ? "" : ", ") + JsonText(word);
  }
  return "[" + out + "]";
}

// The forms a scalar may be written in, each a schema on one line.
std::vector<std::string> ScalarForms(const Key& key) {
  std::vector<std::string> forms;
  const std::string range = key.low != 0 || key.high != 0
                                ? Format(", \"minimum\": {}, \"maximum\": {}", key.low, key.high)
                                : std::string();
  if (key.type == Type::kBool) forms.emplace_back("{\"type\": \"boolean\"}");
  if (key.type == Type::kInteger) forms.push_back("{\"type\": \"integer\"" + range + "}");
  if (key.type == Type::kNumber) forms.push_back("{\"type\": \"number\"" + range + "}");
  if (key.type == Type::kText)
    forms.emplace_back("{\"type\": [\"string\", \"number\", \"boolean\"]}");
  if (key.type == Type::kDuration || key.type == Type::kBytes) forms.emplace_back("{\"const\": 0}");
  if (key.type == Type::kStatusRange) {
    forms.emplace_back("{\"type\": \"integer\", \"minimum\": 100, \"maximum\": 599}");
  }
  if (key.type == Type::kRetryReason) {
    forms.emplace_back("{\"type\": \"integer\", \"minimum\": 400, \"maximum\": 599}");
  }
  if (!key.words.empty()) forms.push_back("{\"enum\": " + Words(key.words) + "}");
  if (key.Has(kArgument))
    forms.emplace_back("{\"type\": \"string\", \"pattern\": \"^(header|query|bytes):.+$\"}");
  if (const std::string_view pattern = Pattern(key.type); !pattern.empty()) {
    forms.push_back("{\"type\": \"string\", \"pattern\": " + JsonText(Format("^({})$", pattern)) +
                    "}");
  }
  if (key.type != Type::kText) forms.emplace_back("{\"$ref\": \"#/$defs/environment\"}");
  return forms;
}

class SchemaWriter {
 public:
  std::string Write() {
    json_.Open('{');
    json_.Text("$schema", "https://json-schema.org/draft/2020-12/schema");
    json_.Text("title", "Meridian configuration");
    WriteBody(RootSpec(), true);
    json_.Name("$defs");
    json_.Raw("{\"environment\": {\"type\": \"string\", \"pattern\": \"[$][{]\"}}");
    json_.Close('}');
    return json_.Take();
  }

 private:
  void WriteSpec(const Spec& spec) {
    json_.Open('{');
    WriteBody(spec, false);
    json_.Close('}');
  }

  void WriteBody(const Spec& spec, bool is_root) {
    const Key& key = *spec.key;
    const bool later = key.Has(kLater);
    json_.Text("description", (later ? "Not supported yet. " : "") + std::string(key.description));
    if (!key.fallback.empty()) json_.Text("default", key.fallback);
    switch (key.type) {
      case Type::kMap:
        return WriteMap(spec, is_root);
      case Type::kNames:
        return WriteNames(spec);
      case Type::kList:
        return WriteList(spec);
      default:
        return WriteForms(ScalarForms(key));
    }
  }

  void WriteForms(const std::vector<std::string>& forms) {
    json_.Name("anyOf");
    json_.Open('[');
    for (const std::string& form : forms) {
      json_.Entry();
      json_.Raw(form);
    }
    json_.Close(']');
  }

  // Keywords about objects say nothing of a scalar, so `type` is what lets one in or not.
  void WriteMap(const Spec& spec, bool is_root) {
    const bool takes_scalar = spec.key->Has(kShorthand) || !spec.key->words.empty();
    json_.Field("type", is_root        ? "\"object\""
                        : takes_scalar ? "[\"object\", \"string\"]"
                                       : "[\"object\", \"null\"]");
    std::string required;
    json_.Name("properties");
    json_.Open('{');
    for (const Spec& child : spec.children) {
      json_.Name(child.name);
      WriteSpec(child);
      if (child.key->Has(kRequired)) {
        required += (required.empty() ? "" : ", ") + JsonText(child.name);
      }
    }
    json_.Close('}');
    if (!required.empty()) json_.Field("required", "[" + required + "]");
    json_.Field("additionalProperties", "false");
  }

  void WriteNames(const Spec& spec) {
    const Key& key = *spec.key;
    json_.Field("type", "[\"object\", \"null\"]");
    const Type type = key.Has(kPrefixNames)   ? Type::kPrefix
                      : key.Has(kHeaderNames) ? Type::kToken
                                              : Type::kName;
    json_.Field("propertyNames",
                "{\"pattern\": " + JsonText(Format("^({})$", Pattern(type))) + "}");
    json_.Name("additionalProperties");
    WriteSpec(spec.entry());
  }

  void WriteList(const Spec& spec) {
    const Key& entry = *spec.entry().key;
    const bool lone =
        entry.Has(kShorthand) || (entry.type != Type::kMap && entry.type != Type::kList);
    json_.Name("anyOf");
    json_.Open('[');
    json_.Entry();
    json_.Open('{');
    json_.Field("type", "\"array\"");
    if (spec.key->Has(kNonEmpty)) json_.Field("minItems", "1");
    json_.Name("items");
    WriteSpec(spec.entry());
    json_.Close('}');
    if (lone && entry.Has(kShorthand)) {
      json_.Entry();
      json_.Raw("{\"type\": \"string\"}");
    } else if (lone) {
      for (const std::string& form : ScalarForms(entry)) {
        json_.Entry();
        json_.Raw(form);
      }
    }
    json_.Close(']');
  }

  Writer json_;
};

}  // namespace

std::string JsonSchema() {
  return SchemaWriter().Write();
}

}  // namespace meridian::config
