#include "controller/manifest/parsed_file.h"

#include <algorithm>

#include "controller/base/digest.h"
#include "controller/manifest/document.h"
#include "controller/manifest/packed.h"

namespace plumb::manifest {
namespace {

constexpr std::string_view kDefaultNamespace = "default";

Texts texts_of(const Value* object) {
  Texts texts;
  if (object == nullptr || !object->is_object()) return texts;
  for (const auto& [name, value] : object->get_object())
    texts.emplace(name, std::string(value.get_string()));  // checked by the schema
  return texts;
}

// The identity of a document of which something else is wrong; empty unless its parts are right.
ResourceKey key_of(const Value& document, const schema::Registry& registry,
                   const std::vector<schema::Problem>& problems) {
  const auto kind = text_at(document, "/kind");
  const auto name = text_at(document, "/metadata/name");
  const auto concerns_key = [](const schema::Problem& problem) {
    return problem.pointer == "/kind" || problem.pointer == "/metadata" || problem.pointer == "/metadata/name" ||
           problem.pointer == "/metadata/namespace";
  };
  if (!kind || !name || std::any_of(problems.begin(), problems.end(), concerns_key)) return {};
  const auto& kinds = registry.kinds();
  if (std::none_of(kinds.begin(), kinds.end(), [&](const schema::KindInfo& info) { return info.kind == *kind; }))
    return {};
  return {*kind, text_at(document, "/metadata/namespace").value_or(std::string(kDefaultNamespace)), *name};
}

std::shared_ptr<const Resource> make_resource(Value& document, const Location& at) {
  Object& root = document.get_object();
  Object& metadata = root["metadata"].get_object();
  const Value& ns = metadata.emplace("namespace", kDefaultNamespace).first->value();
  const Value* spec = root.if_contains("spec");
  // Made with its spec: one that was assigned would lie elsewhere.
  Resource resource{.key = {},
                    .api_version = std::string(root["apiVersion"].get_string()),
                    .digest = sha256(canonical(document)),
                    .labels = texts_of(metadata.if_contains("labels")),
                    .annotations = texts_of(metadata.if_contains("annotations")),
                    .spec = spec == nullptr ? Value() : packed(*spec),
                    .at = at};
  resource.key = {std::string(root["kind"].get_string()), std::string(ns.get_string()),
                  std::string(metadata["name"].get_string())};
  return std::make_shared<const Resource>(std::move(resource));
}

// What the documents of a file come to. Positions are looked up once a file, when something is wrong.
class FileParser {
 public:
  FileParser(const SourceFile& file, const schema::Registry& registry, ParsedFile& parsed)
      : file_(file), registry_(registry), parsed_(parsed) {}

  void add(YamlDocument& document, std::size_t index) {
    const auto problems = registry_.validate_and_default(document.value);
    if (problems.empty()) {
      parsed_.items.push_back({make_resource(document.value, document.at), nullptr, index});
      return;
    }
    if (marks_.empty()) marks_ = marks_of(*file_.content, file_.path);
    for (const schema::Problem& problem : problems)
      parsed_.diagnostics.push_back({Severity::error, nearest_mark(marks_.at(index), problem.pointer, document.at),
                                     problem.pointer, problem.message});
    ParsedItem::Invalid invalid{key_of(document.value, registry_, problems), document.at};
    if (invalid.key.name.empty()) parsed_.broken = true;
    parsed_.items.push_back({nullptr, std::make_shared<const ParsedItem::Invalid>(std::move(invalid)), index});
  }

 private:
  const SourceFile& file_;
  const schema::Registry& registry_;
  ParsedFile& parsed_;
  std::vector<Marks> marks_;
};

// What a write that broke off leaves behind, and nobody writes on purpose.
bool is_blank(std::string_view content) {
  if (content.starts_with("\xEF\xBB\xBF")) content.remove_prefix(3);
  return std::all_of(content.begin(), content.end(),
                     [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0'; });
}

// Documents may be larger than manifests. What only looks like one is read again by the limits of manifests.
YamlFile read_file(const SourceFile& file) {
  if (may_be_document(*file.content)) {
    YamlFile read = parse_yaml(*file.content, file.path, kDocumentLimits);
    const auto fits = [](const YamlDocument& each) { return each.value.is_null() || is_document(each.value); };
    if (has_errors(read.diagnostics) || std::ranges::all_of(read.documents, fits)) return read;
  }
  return parse_yaml(*file.content, file.path);
}

}  // namespace

Location nearest_mark(const Marks& marks, std::string pointer, const Location& otherwise) {
  while (true) {
    if (const auto found = marks.find(pointer); found != marks.end()) return found->second;
    if (pointer.empty()) return otherwise;
    pointer.resize(pointer.rfind('/'));
  }
}

bool is_document(const Value& document) {
  const auto* object = document.if_object();
  return object != nullptr && !object->contains("kind") &&
         (object->contains("openapi") || object->contains("swagger") || object->contains("sops"));
}

ParsedFile parse_file(const SourceFile& file, const schema::Registry& registry) {
  ParsedFile parsed;
  parsed.digest = to_digest(file.digest);
  parsed.content = file.content;
  if (is_blank(*file.content)) {
    parsed.broken = true;
    Diagnostic empty;
    empty.at.file = file.path;
    empty.message = "is empty; delete the file if what it declared is to go";
    parsed.diagnostics.push_back(std::move(empty));
    return parsed;
  }
  try {
    YamlFile read = read_file(file);
    parsed.diagnostics = std::move(read.diagnostics);
    parsed.broken = has_errors(parsed.diagnostics);
    FileParser parser(file, registry, parsed);
    for (std::size_t i = 0; i < read.documents.size(); ++i) {
      if (read.documents[i].value.is_null()) continue;
      if (is_document(read.documents[i].value)) {
        parsed.document = true;
      } else {
        parser.add(read.documents[i], i);
      }
    }
    parsed.items.shrink_to_fit();
  } catch (const std::exception& error) {
    parsed.broken = true;
    Diagnostic unreadable;
    unreadable.at.file = file.path;
    unreadable.message = fmt::format("cannot be read: {}", error.what());
    parsed.diagnostics.push_back(std::move(unreadable));
  }
  return parsed;
}

}  // namespace plumb::manifest
