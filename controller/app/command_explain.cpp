#include <algorithm>
#include <ostream>

#include "controller/app/commands.h"
#include "controller/app/workspace.h"
#include "controller/manifest/yaml.h"

namespace plumb::app {
namespace {

constexpr std::size_t kWidth = 100;

// Words of `text` in lines of at most kWidth characters.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out, line(indent, ' ');
  const auto flush = [&] {
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
    line.assign(indent, ' ');
  };
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(" \n"), text.size());
    const auto word = text.substr(0, end);
    if (line.size() > indent && line.size() + word.size() > kWidth) flush();
    line += word;
    line += ' ';
    if (end < text.size() && text[end] == '\n') flush();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (line.size() > indent) flush();
  return out;
}

// "<string>", "<[]object>", "<map[string]string>"; " -required-" where it is.
std::string type_of(const Value& schema) {
  const std::string type = text_at(schema, "/type").value_or("any");
  if (type == "array" && at(schema, "/items") != nullptr) return "[]" + type_of(*at(schema, "/items"));
  if (type == "object" && at(schema, "/additionalProperties/type") != nullptr) {
    return "map[string]" + type_of(*at(schema, "/additionalProperties"));
  }
  return type;
}

// What a value must be besides its type.
std::string rules_of(const Value& schema) {
  std::string rules;
  if (const auto* values = at(schema, "/enum"); values != nullptr && values->is_array()) {
    std::vector<std::string> texts;
    for (const auto& value : values->as_array()) {
      texts.push_back(value.is_string() ? std::string(value.as_string()) : canonical(value));
    }
    rules += "one of " + join(texts, ", ") + "; ";
  }
  if (const auto* value = at(schema, "/default")) rules += "default " + canonical(*value) + "; ";
  if (const auto pattern = text_at(schema, "/pattern")) rules += "matches " + *pattern + "; ";
  for (const char* limit : {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}) {
    if (const auto* value = at(schema, std::string("/") + limit))
      rules += fmt::format("{} {}; ", limit, canonical(*value));
  }
  if (rules.size() > 2) rules.resize(rules.size() - 2);
  return rules;
}

// An array's fields are those of its items.
const Value& fields_holder(const Value& schema) {
  const Value* holder = &schema;
  while (const auto* items = at(*holder, "/items")) holder = items;
  return *holder;
}

void print_fields(const Value& schema, std::ostream& out) {
  const Value& holder = fields_holder(schema);
  const auto* properties = at(holder, "/properties");
  if (properties == nullptr || !properties->is_object()) return;
  const auto required = texts_at(holder, "/required");
  out << "\nFIELDS:\n";
  for (const auto& [name, field] : properties->as_object()) {
    const bool must = std::ranges::find(required, std::string_view(name)) != required.end();
    out << "  " << std::string_view(name) << "\t<" << type_of(field) << ">" << (must ? " -required-" : "") << '\n';
    if (const auto description = text_at(field, "/description")) out << wrapped(*description, 6);
    if (const auto rules = rules_of(field); !rules.empty()) out << wrapped("[" + rules + "]", 6);
  }
}

void print_list(const schema::Registry& kinds, std::ostream& out) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& kind : kinds.kinds()) {
    const auto sentence = kind.description.substr(0, std::min(kind.description.find(". "), kind.description.size()));
    rows.push_back({kind.kind, kind.plural, join(kind.short_names, ","), kind.group + "/" + kind.version, sentence});
  }
  out << table({"KIND", "PLURAL", "SHORT", "APIVERSION", "DESCRIPTION"}, rows);
}

}  // namespace

Result<int> explain_command(const GlobalOptions& options, const ExplainOptions& explain, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json", "yaml"}));
  PLUMB_TRY(const auto kinds, builtin_kinds());
  if (explain.list || explain.path.empty()) {
    print_list(kinds, console.out);
    return kOk;
  }
  PLUMB_TRY(const auto schema, kinds.schema_at(explain.path));
  if (options.output != "text") {
    console.out << (options.output == "json" ? pretty(schema) + "\n" : manifest::write_yaml(schema));
    return kOk;
  }
  const auto dot = explain.path.find('.');
  const auto* kind = kinds.find(explain.path.substr(0, dot));
  if (kind != nullptr) {
    console.out << "KIND:     " << kind->kind << "\nVERSION:  " << kind->group << '/' << kind->version << '\n';
  }
  if (dot != std::string::npos) {
    console.out << "FIELD:    " << explain.path.substr(dot + 1) << " <" << type_of(schema) << ">\n";
  }
  console.out << "\nDESCRIPTION:\n" << wrapped(text_at(schema, "/description").value_or("(none)"), 2);
  if (const auto rules = rules_of(schema); !rules.empty()) console.out << wrapped("[" + rules + "]", 2);
  print_fields(schema, console.out);
  return kOk;
}

}  // namespace plumb::app
