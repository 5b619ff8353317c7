#include "controller/openapi/request.h"

#include <algorithm>
#include <unordered_map>

#include <boost/json/parse.hpp>

#include "controller/base/synchronized.h"
#include "controller/base/text.h"
#include "controller/openapi/conversion.h"
#include "controller/openapi/reading.h"
#include "controller/openapi/serialise.h"
#include "controller/openapi/values.h"

namespace plumb::openapi {
namespace {

constexpr std::size_t kMaxInlined = 1000;    // values of a schema that is compiled and kept
constexpr std::size_t kMaxKept = 1'000'000;  // values of all that are kept
constexpr std::size_t kTidied = 256;         // calls after which it is looked at what is kept
constexpr std::size_t kMaxNesting = 100;     // of arguments
constexpr std::size_t kMaxKey = 1024;        // bytes of a member's name in them
constexpr std::size_t kWide = 1000;          // items of a list
constexpr std::size_t kWideObject = 200;     // members of a mapping
constexpr std::size_t kLongKey = 64;         // bytes
constexpr std::size_t kMaxUnknown = 20;      // names that are told of

constexpr std::string_view kPlaceNames[] = {"path", "query", "header", "cookie"};

std::string qualified(const Parameter& parameter) {
  return fmt::format("{}.{}", kPlaceNames[static_cast<std::size_t>(parameter.in)], parameter.name);
}

const Value& document_of(const Operation& operation) {
  static const Value kNone;
  return operation.document ? *operation.document : kNone;
}

// Everything that is done with arguments after this is recursive, or costs the length of a name.
void check_bounds(const Value& value, const std::string& pointer, Problems& problems, bool& wide) {
  std::vector<std::pair<const Value*, std::size_t>> open = {{&value, 0}};
  while (!open.empty()) {
    const auto [part, depth] = open.back();
    open.pop_back();
    if (depth > kMaxNesting)
      return problems.push_back({pointer, fmt::format("is nested deeper than {} levels", kMaxNesting)});
    if (const auto* array = part->if_array()) {
      wide = wide || array->size() > kWide;
      for (const Value& entry : *array) open.emplace_back(&entry, depth + 1);
    }
    if (const auto* object = part->if_object()) {
      wide = wide || object->size() > kWideObject;
      for (const auto& member : *object) {
        if (member.key().size() > kMaxKey)
          return problems.push_back({pointer, fmt::format("has a name of more than {} bytes in it", kMaxKey)});
        wide = wide || member.key().size() > kLongKey;
        open.emplace_back(&member.value(), depth + 1);
      }
    }
  }
}

// One argument with its parameter.
struct Given {
  const Parameter* parameter = nullptr;
  const Value* value = nullptr;
  std::string pointer;  // "/parameters/limit"
  std::size_t index = 0;
};

// The names that arguments have, made once for an operation.
class Names {
 public:
  explicit Names(const Operation& operation) : operation_(operation) {
    for (std::size_t i = 0; i < operation.parameters.size(); ++i) {
      by_name_[operation.parameters[i].name].push_back(i);
      qualified_.emplace(qualified(operation.parameters[i]), i);
    }
  }

  std::vector<Given> match(const Object& arguments, Problems& problems) const {
    std::vector<const Value*> values(operation_.parameters.size());
    std::vector<Given> result;
    for (const auto& argument : arguments) {
      const std::string name(argument.key());
      const std::string pointer = "/parameters/" + pointer_token(name);
      const auto index = find_index(name, pointer, problems);
      if (!index || argument.value().is_null()) continue;
      if (std::exchange(values[*index], &argument.value()) != nullptr) {
        problems.push_back({pointer, "is given twice: with its place and without"});
        continue;
      }
      result.push_back({&operation_.parameters[*index], &argument.value(), pointer, *index});
    }
    for (std::size_t i = 0; i < values.size(); ++i)
      if (const Parameter& parameter = operation_.parameters[i]; parameter.required && values[i] == nullptr)
        problems.push_back({"/parameters/" + pointer_token(argument_name(i)),
                            fmt::format("is missing: the {} parameter is required",
                                        kPlaceNames[static_cast<std::size_t>(parameter.in)])});
    // In the document's order, whatever that of the arguments: the same call is the same bytes.
    std::sort(result.begin(), result.end(), [](const Given& a, const Given& b) { return a.index < b.index; });
    return result;
  }

  // As a caller names it: with the place only where it has to be.
  std::string argument_name(std::size_t index) const {
    const Parameter& parameter = operation_.parameters[index];
    return by_name_.at(parameter.name).size() == 1 ? parameter.name : qualified(parameter);
  }

 private:
  std::optional<std::size_t> find_index(const std::string& name, const std::string& pointer, Problems& problems) const {
    const auto named = by_name_.find(name);
    if (named != by_name_.end() && named->second.size() == 1) return named->second.front();
    if (named != by_name_.end()) {
      std::vector<std::string> choices;
      for (const std::size_t index : named->second) choices.push_back(qualified(operation_.parameters[index]));
      problems.push_back({pointer, "is the name of several parameters: " + join(choices, ", ")});
      return {};
    }
    if (const auto found = qualified_.find(name); found != qualified_.end()) return found->second;
    if (problems.size() >= kMaxUnknown) return {};
    if (is_forbidden_header(name)) {
      problems.push_back({pointer, "this header is set by the program and cannot be a parameter"});
      return {};
    }
    std::vector<std::string> known;
    for (std::size_t i = 0; i < operation_.parameters.size(); ++i)
      if (operation_.parameters[i].name.size() <= kMaxKey) known.push_back(argument_name(i));
    problems.push_back({pointer, fmt::format("{} has no parameter \"{}\"{}", operation_.id, printable(name),
                                             name.size() > 100 ? "" : did_you_mean(name, known))});
    return {};
  }

  const Operation& operation_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_name_;
  std::unordered_map<std::string, std::size_t> qualified_;
};

void add_all(Problems& to, Problems from, const std::string& pointer) {
  for (auto& problem : from) to.push_back({pointer + problem.pointer, std::move(problem.message)});
}

// Writes the path; a value can neither add a segment nor take one away.
class PathWriter {
 public:
  PathWriter(const Operation& operation, Problems& problems) : problems_(problems) {
    std::string_view left = operation.path;
    while (!left.empty()) {
      const std::size_t end = std::min(left.find('/', 1), left.size());
      segments_.emplace_back(left.substr(0, end));
      left.remove_prefix(end);
    }
  }

  std::string write(const std::vector<Given>& given) {
    std::string path;
    for (const std::string& segment : segments_)
      path += '/' + write_segment(std::string_view(segment).substr(1), given);
    return path;
  }

 private:
  std::string write_segment(std::string_view segment, const std::vector<Given>& given) {
    std::string text;
    const Given* last = nullptr;
    for (std::size_t at = 0; at < segment.size();) {
      const std::size_t open = std::min(segment.find('{', at), segment.size());
      text += encoded(segment.substr(at, open - at), "!$&'()*+,;=:@%");
      if (open == segment.size()) break;
      const std::size_t close = segment.find('}', open);
      const std::string_view name = segment.substr(open + 1, close - open - 1);
      at = close + 1;
      const auto found = std::find_if(given.begin(), given.end(), [&](const Given& g) {
        return g.parameter->in == In::path && g.parameter->name == name;
      });
      if (found == given.end()) continue;  // missing, which is told already
      last = &*found;
      auto value = path_text(*found->parameter, *found->value);
      if (!value) {
        problems_.push_back({found->pointer, value.error().message});
        return "x";
      }
      text += *value;
    }
    if (last != nullptr && (text.empty() || text == "." || text == ".."))
      problems_.push_back({last->pointer, text.empty() ? "must not be empty: it is part of the path"
                                                       : "must not be \".\" or \"..\": it would change the path"});
    return text;
  }

  Problems& problems_;
  std::vector<std::string> segments_;
};

void write_parameters(const std::vector<Given>& given, Prepared& prepared, Problems& problems) {
  for (const Given& argument : given) {
    const Parameter& parameter = *argument.parameter;
    const auto failed = [&](const Error& error) { problems.push_back({argument.pointer, error.message}); };
    if (parameter.in == In::query) {
      auto texts = query_texts(parameter, *argument.value);
      if (!texts)
        failed(texts.error());
      else
        for (const std::string& text : *texts) prepared.query.append(prepared.query.empty() ? "" : "&").append(text);
    } else if (parameter.in == In::header) {
      auto text = header_text(parameter, *argument.value);
      if (!text)
        failed(text.error());
      else
        prepared.headers.emplace_back(parameter.name, std::move(*text));
    } else if (parameter.in == In::cookie) {
      auto pairs = cookie_pairs(parameter, *argument.value);
      if (!pairs)
        failed(pairs.error());
      else
        prepared.cookies.insert(prepared.cookies.end(), pairs->begin(), pairs->end());
    }
  }
}

}  // namespace

void Check::compile() const {
  auto schema = inlined(document_, schema_, kMaxInlined);
  if (!schema) return;
  auto compiled = schema::DocumentSchema::compile(schema->schema);
  if (!compiled) return;
  weight_ = schema->values;
  compiled_ = std::move(*compiled);
}

Problems Check::check(const Value& value, bool wide) const {
  if (schema_.is_null()) return {};
  std::call_once(once_, [&] { compile(); });
  if (compiled_ && !wide) return compiled_->check(value);
  return check_along(value);
}

Problems Check::check_along(const Value& value) const {
  const auto schema = inlined_along(document_, schema_, value);
  if (!schema) return {{"", schema.error().message}};
  const auto compiled = schema::DocumentSchema::compile(*schema);
  if (!compiled) return {{"", "the schema in the document cannot be used: " + compiled.error().message}};
  return compiled->check(value);
}

namespace {

// The checks of one operation. Holds what they refer to.
struct Checks {
  explicit Checks(const Operation& of) : operation(of), names(operation) {
    for (const Parameter& parameter : operation.parameters)
      parameters.push_back(std::make_unique<Check>(document_of(operation), parameter.schema));
    if (operation.body)
      for (const MediaType& media : operation.body->content)
        bodies.push_back(std::make_unique<Check>(document_of(operation), media.schema));
  }

  std::size_t weight() const {
    std::size_t sum = 50;  // empty ones are not free either
    for (const auto& check : parameters) sum += check->weight();
    for (const auto& check : bodies) sum += check->weight();
    return sum;
  }

  Operation operation;
  Names names;
  std::vector<std::unique_ptr<Check>> parameters, bodies;
};

}  // namespace

struct Operations::State {
  struct Kept {
    std::unordered_map<std::string, std::shared_ptr<const Checks>> checks;  // by the operation's id
    std::size_t calls = 0;

    // What was compiled is thrown away, all of it, where it has become too much: documents have more than is used.
    void tidy() {
      std::size_t sum = 0;
      for (const auto& [id, entry] : checks) sum += entry->weight();
      if (sum > kMaxKept) checks.clear();
    }
  };

  std::shared_ptr<const Model> model;
  Synchronized<Kept> kept{};

  std::shared_ptr<const Checks> checks_of(const Operation& operation) {
    return kept.with([&](Kept& all) {
      const auto found = all.checks.find(operation.id);
      const bool is_there = found != all.checks.end();
      auto checks = is_there ? found->second : std::make_shared<const Checks>(operation);
      if (++all.calls % kTidied == 0 || !is_there) all.tidy();
      if (!is_there) all.checks.emplace(operation.id, checks);
      return checks;
    });
  }
};

Operations::Operations(std::shared_ptr<const Model> model) : state_(std::make_unique<State>()) {
  state_->model = std::move(model);
}
Operations::~Operations() = default;
const Model& Operations::model() const { return *state_->model; }

tl::expected<Prepared, std::vector<schema::Problem>> Operations::prepare(const Operation& operation,
                                                                         const Arguments& arguments) const {
  Problems problems;
  bool wide = false;
  for (const auto& argument : arguments.parameters) {
    if (argument.key().size() > kMaxKey)
      problems.push_back({"/parameters", fmt::format("has a name of more than {} bytes in it", kMaxKey)});
    check_bounds(argument.value(), "/parameters/" + pointer_token(argument.key()), problems, wide);
  }
  if (arguments.has_body) check_bounds(arguments.body, "/body", problems, wide);
  if (!problems.empty()) return tl::unexpected(std::move(problems));

  const auto checks = state_->checks_of(operation);
  const Operation& known = checks->operation;
  const auto given = checks->names.match(arguments.parameters, problems);
  for (const Given& argument : given)
    add_all(problems, checks->parameters[argument.index]->check(*argument.value, wide), argument.pointer);

  Prepared prepared;
  prepared.method = known.method;
  prepared.path = PathWriter(known, problems).write(given);
  write_parameters(given, prepared, problems);
  if (!known.body && arguments.has_body) problems.push_back({"/body", known.id + " takes no body"});
  if (known.body && known.body->required && !arguments.has_body)
    problems.push_back({"/body", fmt::format("is missing: {} requires one", known.id)});
  if (known.body && arguments.has_body) {
    const Chosen chosen = choose_media_type(*known.body, arguments.media_type, arguments.body, problems);
    if (chosen.media != nullptr) {
      const auto index = static_cast<std::size_t>(chosen.media - known.body->content.data());
      if (is_structured(chosen.type)) add_all(problems, checks->bodies[index]->check(arguments.body, wide), "/body");
      if (problems.empty()) {
        Written written = write_body(document_of(known), chosen, arguments.body, problems);
        prepared.body = std::move(written.bytes);
        prepared.content_type = std::move(written.content_type);
      }
    }
  }
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return prepared;
}

Value Operations::from_text(const Operation& operation, std::string_view parameter, const std::string& text) const {
  boost::json::error_code error;
  Value parsed = boost::json::parse(text, error);
  if (error) return Value(text);
  for (std::size_t i = 0; i < operation.parameters.size(); ++i) {
    const Parameter& each = operation.parameters[i];
    if (each.name != parameter && qualified(each) != parameter) continue;
    const bool takes_text = state_->checks_of(operation)->parameters[i]->check(Value(text), false).empty();
    return takes_text ? Value(text) : parsed;
  }
  return Value(text);
}

Value arguments_schema(const Operation& operation) {
  const Names names(operation);
  Bundle bundle(document_of(operation));
  Object parameters;
  Array required;
  for (std::size_t i = 0; i < operation.parameters.size(); ++i) {
    const Parameter& parameter = operation.parameters[i];
    Value schema = parameter.schema.is_null() ? Value(Object{}) : bundle.add(parameter.schema);
    auto* object = schema.if_object();
    if (object != nullptr && !object->contains("$ref") && !parameter.description.empty())
      object->emplace("description", parameter.description);
    const std::string name = names.argument_name(i);
    if (parameter.required) required.emplace_back(name);
    parameters.insert_or_assign(name, std::move(schema));
  }
  Object parameter_schema{{"type", "object"}, {"properties", std::move(parameters)}, {"additionalProperties", false}};
  const bool needs_parameters = !required.empty();
  if (needs_parameters) parameter_schema.emplace("required", std::move(required));
  Object properties{{"parameters", std::move(parameter_schema)}};
  Array needed;
  if (needs_parameters) needed.emplace_back("parameters");
  if (operation.body) {
    const auto& content = operation.body->content;
    const bool has_schema = !content.empty() && !content.front().schema.is_null();
    properties.emplace("body", has_schema ? bundle.add(content.front().schema) : Value(Object{}));
    Array types;
    for (const MediaType& media : content) types.emplace_back(media.type);
    properties.emplace("mediaType", Object{{"type", "string"}, {"enum", std::move(types)}});
    if (operation.body->required) needed.emplace_back("body");
  }
  Object schema{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!needed.empty()) schema.emplace("required", std::move(needed));
  if (Object definitions = bundle.definitions(); !definitions.empty())
    schema.emplace("definitions", std::move(definitions));
  return schema;
}

}  // namespace plumb::openapi
