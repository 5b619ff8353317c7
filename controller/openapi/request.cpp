#include "controller/openapi/request.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include "controller/base/text.h"
#include "controller/base/url.h"
#include "controller/openapi/body.h"
#include "controller/openapi/draft7.h"
#include "controller/openapi/style.h"

namespace plumb::openapi {
namespace {

using Problems = std::vector<schema::Problem>;

// What the transport, or the authentication, decides over.
constexpr std::string_view kNotForCallers[] = {
    "accept-encoding",   "authorization",       "connection", "content-length", "cookie",  "expect", "host",
    "keep-alive",        "proxy-authorization", "te",         "trailer",        "upgrade", "via",    "proxy-connection",
    "transfer-encoding", "content-type"};

bool is_token(std::string_view name) {  // RFC 9110, 5.6.2
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSigns.find(c) != std::string_view::npos;
  };
  return !name.empty() && std::ranges::all_of(name, fits);
}

std::string_view place_of(In in) {
  switch (in) {
    case In::path: return "path";
    case In::query: return "query";
    case In::header: return "header";
    case In::cookie: return "cookie";
  }
  return "";
}

// One schema, ready; nothing: everything is accepted.
struct Check {
  std::optional<schema::DocumentSchema> schema;
  std::string problem;  // why it cannot be used
};

Check make_check(const Value& schema, const Value& document) {
  if (schema.is_null() || (schema.is_object() && schema.get_object().empty())) return {};
  Check check;
  // Patterns that only other engines have must not make an operation useless: then they are left to the target.
  for (const bool with_patterns : {true, false}) {
    const auto converted = to_draft7(schema, document, with_patterns);
    if (!converted) {
      check.problem = converted.error().message;
      return check;
    }
    auto compiled = schema::DocumentSchema::compile(*converted);
    if (compiled) {
      check.schema = std::move(*compiled);
      check.problem.clear();
      return check;
    }
    check.problem = compiled.error().message;
  }
  return check;
}

void hold(const Check& check, const Value& value, const std::string& pointer, Problems& problems) {
  if (!check.problem.empty()) {
    problems.push_back({pointer, fmt::format("the model's schema of it cannot be used: {}", check.problem)});
  } else if (check.schema) {
    for (auto& problem : check.schema->check(value))
      problems.push_back({pointer + problem.pointer, std::move(problem.message)});
  }
}

struct Ready {
  std::vector<Check> parameters, bodies;  // in the order of the operation's
};

std::shared_ptr<const Ready> make_ready(const Operation& operation, const Value& document) {
  auto ready = std::make_shared<Ready>();
  for (const Parameter& parameter : operation.parameters)
    ready->parameters.push_back(make_check(parameter.schema, document));
  if (operation.body)
    for (const MediaType& media : operation.body->content) ready->bodies.push_back(make_check(media.schema, document));
  return ready;
}

// Forms one call; collects all that is wrong.
class Former {
 public:
  Former(const Operation& operation, const Ready& ready, const Arguments& arguments)
      : operation_(operation), ready_(ready), arguments_(arguments) {}

  tl::expected<Prepared, Problems> run() {
    prepared_.method = operation_.method;
    form_parameters();
    form_path();
    form_body();
    if (!problems_.empty()) return tl::unexpected(std::move(problems_));
    return std::move(prepared_);
  }

 private:
  void form_parameters() {
    std::set<std::string_view> used;
    for (std::size_t i = 0; i < operation_.parameters.size(); ++i) {
      const Parameter& parameter = operation_.parameters[i];
      if (!parameter.use_in.empty()) continue;  // of the calls for tokens and keys
      const auto [name, value] = argument_of(parameter);
      if (value == nullptr) {
        if (parameter.required && !is_filled_elsewhere(parameter))
          problems_.push_back({"/parameters/" + pointer_token(parameter.name),
                               fmt::format("is missing; the operation needs it (in: {})", place_of(parameter.in))});
        continue;
      }
      used.insert(name);
      const std::string pointer = "/parameters/" + pointer_token(name);
      const std::size_t before = problems_.size();
      hold(ready_.parameters[i], *value, pointer, problems_);
      if (problems_.size() == before) place(parameter, *value, pointer);
    }
    for (const auto& [name, value] : arguments_.parameters)
      if (!used.contains(name)) unknown(name);
  }

  // A header that is named as a parameter but is not the caller's: the specification has it ignored.
  static bool is_filled_elsewhere(const Parameter& parameter) {
    return parameter.in == In::header &&
           std::ranges::find(kNotForCallers, lower(parameter.name)) != std::end(kNotForCallers);
  }

  std::pair<std::string_view, const Value*> argument_of(const Parameter& parameter) const {
    const auto named = arguments_.parameters.find(fmt::format("{}.{}", place_of(parameter.in), parameter.name));
    if (named != arguments_.parameters.end()) return {named->key(), &named->value()};
    const auto same = [&](const Parameter& other) { return other.name == parameter.name && other.use_in.empty(); };
    if (std::ranges::count_if(operation_.parameters, same) > 1) return {"", nullptr};
    const auto plain = arguments_.parameters.find(parameter.name);
    if (plain == arguments_.parameters.end()) return {"", nullptr};
    return {plain->key(), &plain->value()};
  }

  void unknown(std::string_view name) {
    std::vector<std::string> known, places;
    for (const Parameter& parameter : operation_.parameters) {
      if (!parameter.use_in.empty()) continue;
      known.push_back(parameter.name);
      if (parameter.name == name) places.push_back(fmt::format("{}.{}", place_of(parameter.in), name));
    }
    const std::string pointer = "/parameters/" + pointer_token(name);
    if (places.size() > 1) {
      problems_.push_back({pointer, fmt::format("could be {}: say which", fmt::join(places, " or "))});
    } else {
      problems_.push_back({pointer, fmt::format("the operation has no such parameter{}", did_you_mean(name, known))});
    }
  }

  void place(const Parameter& parameter, const Value& value, const std::string& pointer) {
    Result<std::string> text = std::string();
    switch (parameter.in) {
      case In::path:
        text = in_path(parameter, value);
        if (text) path_values_[parameter.name] = *text;
        break;
      case In::query:
        text = in_query(parameter, value);
        if (text && !text->empty()) prepared_.query += (prepared_.query.empty() ? "" : "&") + *text;
        break;
      case In::header:
        if (is_filled_elsewhere(parameter) || !is_token(parameter.name)) {
          problems_.push_back({pointer, "this header is not for callers to set"});
          return;
        }
        text = in_header(parameter, value);
        if (text) prepared_.headers.emplace_back(parameter.name, *text);
        break;
      case In::cookie: {
        auto cookies = in_cookie(parameter, value);
        if (!cookies) {
          text = tl::unexpected(std::move(cookies).error());
        } else {
          prepared_.cookies.insert(prepared_.cookies.end(), cookies->begin(), cookies->end());
        }
        break;
      }
    }
    if (!text) problems_.push_back({pointer, text.error().message});
  }

  void form_path() {
    std::string& path = prepared_.path;
    const std::string& pattern = operation_.path;
    for (std::size_t at = 0; at < pattern.size();) {
      const std::size_t open = pattern.find('{', at);
      path += pattern.substr(at, open - at);
      if (open == std::string::npos) break;
      const std::size_t close = pattern.find('}', open);
      const auto value = path_values_.find(pattern.substr(open + 1, close - open - 1));
      if (value != path_values_.end()) path += value->second;
      at = close + 1;
    }
    // "." and ".." are not data in a path: somebody on the way would take them out (RFC 3986, 5.2.4).
    for (std::size_t begin = 1; begin <= path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      const std::string_view segment = std::string_view(path).substr(begin, end - begin);
      if (segment == "." || segment == "..")
        problems_.push_back(
            {"/parameters", fmt::format("make \"{}\" a part of the path, which names another", segment)});
      begin = end + 1;
    }
  }

  void form_body() {
    if (!operation_.body) {
      if (arguments_.has_body) problems_.push_back({"/body", "the operation takes no body"});
      return;
    }
    const Body& body = *operation_.body;
    if (!arguments_.has_body) {
      if (body.required) problems_.push_back({"/body", "is missing; the operation needs it"});
      return;
    }
    const auto media = std::ranges::find_if(body.content, [&](const MediaType& each) {
      return arguments_.media_type.empty() || essence_of(each.type) == essence_of(arguments_.media_type);
    });
    if (media == body.content.end()) {
      std::vector<std::string> known;
      for (const MediaType& each : body.content) known.push_back(each.type);
      problems_.push_back({"/mediaType", fmt::format("the operation does not take {}, but {}",
                                                     printable(arguments_.media_type), join(known, ", "))});
      return;
    }
    const std::size_t before = problems_.size();
    hold(ready_.bodies[static_cast<std::size_t>(media - body.content.begin())], arguments_.body, "/body", problems_);
    if (problems_.size() != before) return;
    auto written = written_body(*media, arguments_.body);
    if (!written) {
      problems_.push_back({"/body", written.error().message});
      return;
    }
    prepared_.content_type = std::move(written->content_type);
    prepared_.body = std::move(written->bytes);
  }

  const Operation& operation_;
  const Ready& ready_;
  const Arguments& arguments_;
  Prepared prepared_;
  Problems problems_;
  std::map<std::string, std::string> path_values_;
};

}  // namespace

struct Operations::State {
  std::shared_ptr<const Model> model;
  mutable std::mutex mutex;
  mutable std::map<std::string, std::shared_ptr<const Ready>, std::less<>> ready;

  std::shared_ptr<const Ready> ready_for(const Operation& operation) const {
    {
      const std::scoped_lock lock(mutex);
      const auto found = ready.find(operation.id);
      if (found != ready.end()) return found->second;
    }
    // Without the lock, as it may take a while: who does it twice does it for nothing.
    static const Value kNone;
    auto made = make_ready(operation, model->document != nullptr ? *model->document : kNone);
    const std::scoped_lock lock(mutex);
    return ready.try_emplace(operation.id, std::move(made)).first->second;
  }
};

Operations::Operations(std::shared_ptr<const Model> model) : state_(std::make_unique<State>()) {
  state_->model = std::move(model);
}

Operations::~Operations() = default;

const Model& Operations::model() const { return *state_->model; }

tl::expected<Prepared, std::vector<schema::Problem>> Operations::prepare(const Operation& operation,
                                                                         const Arguments& arguments) const {
  const auto ready = state_->ready_for(operation);
  return Former(operation, *ready, arguments).run();
}

Value Operations::from_text(const Operation& operation, std::string_view parameter, const std::string& text) const {
  const auto ready = state_->ready_for(operation);
  boost::json::error_code error;
  Value parsed = boost::json::parse(text, error);
  if (error) return Value(text);
  for (std::size_t i = 0; i < operation.parameters.size(); ++i) {
    const Parameter& each = operation.parameters[i];
    if (each.name != parameter && fmt::format("{}.{}", place_of(each.in), each.name) != parameter) continue;
    const Check& check = ready->parameters[i];
    const bool takes_text = !check.schema || check.schema->check(Value(text)).empty();
    return takes_text ? Value(text) : parsed;
  }
  return Value(text);
}

Value arguments_schema(const Model& model, const Operation& operation) {
  static const Value kNone;
  const Value& document = model.document != nullptr ? *model.document : kNone;
  const auto converted = [&](const Value& schema) -> Value {
    auto result = to_draft7(schema, document);
    return result ? std::move(*result) : Value(Object());
  };
  Object parameters;
  Array required;
  for (const Parameter& parameter : operation.parameters) {
    if (!parameter.use_in.empty()) continue;
    Value schema = converted(parameter.schema);
    if (!schema.is_object()) schema = Object();
    if (!parameter.description.empty()) schema.get_object()["description"] = parameter.description;
    schema.get_object()["x-in"] = place_of(parameter.in);
    parameters.emplace(parameter.name, std::move(schema));
    if (parameter.required) required.emplace_back(parameter.name);
  }
  Object of_parameters{{"type", "object"}, {"properties", std::move(parameters)}, {"additionalProperties", false}};
  if (!required.empty()) of_parameters["required"] = std::move(required);
  Object properties{{"parameters", std::move(of_parameters)}};
  Array all_required;
  if (operation.body && !operation.body->content.empty()) {
    properties.emplace("body", converted(operation.body->content.front().schema));
    Array types;
    for (const MediaType& media : operation.body->content) types.emplace_back(media.type);
    properties.emplace("mediaType", Object{{"type", "string"}, {"enum", std::move(types)}});
    if (operation.body->required) all_required.emplace_back("body");
  }
  Object schema{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!all_required.empty()) schema["required"] = std::move(all_required);
  return schema;
}

}  // namespace plumb::openapi
